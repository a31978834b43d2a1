// Package report computes what compliance staff hand in and show to examiners.
//
//	Holidays, BusinessDay ──► DueDate      when a report to OFAC is due
//	decisions of the journal ──► Holdings  the property that was blocked on 30 June
//	versions, generations, served ──► Timeliness  from publication to enforcement
package report
