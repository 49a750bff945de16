// Package proxies measures the gateway beside other reverse proxies: CPU time of
// the proxy's processes per request, on one machine, in one run. It holds
// benchmarks alone.
//
// Every proxy is a process of its own in front of one backend, which answers with
// one kilobyte; sixteen connections are kept alive. What is not installed is left
// out. The gateway is the real binary with its real management side, configured over
// Resource Manager.
package proxies
