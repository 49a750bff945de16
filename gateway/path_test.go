package gateway

import "testing"

// TestPlainPath: no dot segment reaches a policy or a backend, however it is written.
func TestPlainPath(t *testing.T) {
	for path, want := range map[string]string{
		"": "/", "/a/b": "/a/b", "/a/./b": "/a/b", "/a/../b": "/b", "/a/b/..": "/a/", "/a/%2e%2E/b": "/b", "/a/.b": "/a/.b", "/a//b": "/a//b", "/a/b%2Fc": "/a/b%2Fc", "/a/%zz": "/a/%zz", "/a/...": "/a/...",
		"/..": "", "/a/../../b": "", "/%2e%2e/b": "", "a": "", "/a/..%2Fb": "", "/a/b%2f..%2fc": "", "/a/..%5cb": "", "/a/..\\b": "", "/a%2f%2e%2e/b": "", "/a/b%2f.": "", "/%zz/..%2f../b": "",
	} {
		got, ok := plainPath(path)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q %t, want %q", path, got, ok, want)
		}
	}
}
