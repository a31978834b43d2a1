package formats

// Rules is the version of the rules that turn the bytes of a file into rows. It is increased whenever the same bytes may yield other rows:
// a file that was read under other rules is read again.
const Rules = 4
