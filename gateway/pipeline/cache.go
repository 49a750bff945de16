package pipeline

import "errors"

// errCached ends inbound: the response came from the cache, and outbound goes on behind cache-store.
var errCached = errors.New("the response is from the cache")

type lookup struct{}
