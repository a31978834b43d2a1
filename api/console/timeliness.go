package console

func (c *Console) addTimeliness() {}
