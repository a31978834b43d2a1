// Package stafftest signs in to the console of the whole program: in a browser, and at a real identity provider.
package stafftest
