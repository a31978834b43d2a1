package console

func (c *Console) addWebhooks() {}
