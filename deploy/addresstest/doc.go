// Package addresstest holds a test of lists/address against Trust Wallet Core, an independent implementation of the same addresses. The test
// needs Node.js and npm, and is skipped where they are not there. The library is installed into the user's cache folder.
package addresstest
