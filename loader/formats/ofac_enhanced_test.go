package formats

import "testing"

func TestEnhancedPrefersTheSDNListAndLatinScript(t *testing.T) {
	rows, info := mustRows(t, "auto", "a.xml", `<sanctionsData><publicationInfo><dataAsOf>soon</dataAsOf></publicationInfo><entities><entity id="7">
		<sanctionsLists><sanctionsList refId="1550" datePublished="2020-01-02">SDN List</sanctionsList><sanctionsList refId="9" datePublished="2019-01-01">Other</sanctionsList></sanctionsLists>
		<names><name><isPrimary>false</isPrimary><translations><translation><script>Latin</script><formattedFullName>ALIAS</formattedFullName></translation></translations></name>
		<name><isPrimary>true</isPrimary><translations><translation><script>Cyrillic</script><formattedFullName>ИМЯ</formattedFullName></translation></translations></name></names>
		<features><feature id="1"><type>Digital Currency Address - XBT</type><value> x </value></feature></features></entity></entities></sanctionsData>`)
	if len(rows) != 1 || rows[0].ListedOn != "2020-01-02" || rows[0].EntityName != "ИМЯ" || rows[0].Address != "x" || !warned(info, "no_date") {
		t.Errorf("%+v %+v", rows, info)
	}
}
