package address

// Rules is the version of the rules that turn a text into identities. It is raised whenever a text could get another identity, or be
// read where it was refused before: a file that was read under other rules is read again, and layers built under them are rebuilt.
const Rules = 4
