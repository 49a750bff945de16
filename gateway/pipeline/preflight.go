package pipeline

// Preflight answers the question of a browser whether it may call from a page of another origin.
func (c *Call) Preflight() {}
