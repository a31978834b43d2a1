package console

func (c *Console) addPeople() {}
