package console

func (c *Console) addKeys() {}
