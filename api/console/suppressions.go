package console

func (c *Console) addSuppressions() {}
