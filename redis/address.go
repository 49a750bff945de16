package redis

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Parse reads a connection string: a URL (redis://user:password@host:6379/0, rediss:// with TLS), or what Azure shows for a cache,
// host:6380,password=...,ssl=True,abortConnect=False, as StackExchange.Redis reads it. Errors do not repeat the text, which holds a password.
func Parse(text string) (Options, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "redis://") || strings.HasPrefix(text, "rediss://") {
		return parseURL(text)
	}
	return parseList(text)
}

func parseURL(text string) (Options, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return Options{}, fmt.Errorf("the connection string is not a URL of a Redis server")
	}
	o := Options{User: u.User.Username()}
	o.Password, _ = u.User.Password()
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	o.Address = net.JoinHostPort(u.Hostname(), port)
	if path := strings.Trim(u.Path, "/"); path != "" {
		if o.Database, err = strconv.Atoi(path); err != nil {
			return Options{}, fmt.Errorf("the connection string's path has to be the number of a database")
		}
	}
	if u.Scheme == "rediss" {
		o.TLS = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	return o, nil
}

func parseList(text string) (Options, error) {
	var o Options
	secure, host := false, ""
	for i, part := range strings.Split(text, ",") {
		name, value, assigned := strings.Cut(strings.TrimSpace(part), "=")
		if !assigned {
			if i > 0 || name == "" {
				if name == "" {
					continue
				}
				return Options{}, fmt.Errorf("the connection string names more than one server, which is not supported")
			}
			host = name
			continue
		}
		var err error
		switch strings.ToLower(name) {
		case "password":
			o.Password = value
		case "user":
			o.User = value
		case "ssl":
			secure, err = strconv.ParseBool(strings.ToLower(value))
		case "defaultdatabase":
			o.Database, err = strconv.Atoi(value)
		case "synctimeout", "asynctimeout":
			var ms int
			ms, err = strconv.Atoi(value)
			o.Timeout = min(time.Duration(ms)*time.Millisecond, time.Second) // a call of an API waits no longer for a counter
		}
		if err != nil {
			return Options{}, fmt.Errorf("the connection string's %s cannot be read", name)
		}
	}
	if host == "" {
		return Options{}, fmt.Errorf("the connection string names no server")
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name, host = host, net.JoinHostPort(host, map[bool]string{true: "6380", false: "6379"}[secure])
	}
	o.Address = host
	if secure {
		o.TLS = &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	}
	return o, nil
}
