package address

type publishedVectors struct {
	network, source string
	make            func(m *maker)
}

var published []publishedVectors
