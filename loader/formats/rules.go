package formats

// Rules is the version of the rules that turn the bytes of a file into rows. It is raised whenever the same bytes could give other rows:
// a file that was read under other rules is read again.
const Rules = 2
