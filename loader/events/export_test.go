package events

var (
	Topic     = topic
	AccountIn = accountIn
)
