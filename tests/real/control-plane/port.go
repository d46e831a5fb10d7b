package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Ports are picked below Linux's range for outgoing connections (32768 and up):
// between two runs of the program nothing holds the port, and there no client's
// socket can take it by accident.
const (
	firstPort = 20000
	lastPort  = 31999
)

// reservePort returns the port of this cluster, from DIR/port if it has one, and
// holds it until release is called. It is held by a socket that is bound but does
// not listen: connections to it are refused, nobody else is given the port, and
// the apiserver may still bind it, because both sockets allow the reuse of the
// address.
func reservePort(dir string, wanted int) (port int, release func(), err error) {
	path := filepath.Join(dir, "port")
	stored, err := os.ReadFile(path)
	switch {
	case err == nil:
		if wanted, err = strconv.Atoi(strings.TrimSpace(string(stored))); err != nil {
			return 0, nil, fmt.Errorf("cannot read %s: %w", path, err)
		}
	case !errors.Is(err, os.ErrNotExist):
		return 0, nil, err
	}
	if wanted != 0 {
		release, err = bind(wanted)
		port = wanted
	} else {
		for range 100 {
			port = firstPort + rand.IntN(lastPort-firstPort+1)
			if release, err = bind(port); err == nil {
				break
			}
		}
	}
	if err != nil {
		return 0, nil, fmt.Errorf("cannot bind 127.0.0.1:%d: %w", port, err)
	}
	return port, release, os.WriteFile(path, fmt.Appendf(nil, "%d\n", port), 0o600)
}

// bind takes a port of 127.0.0.1 without listening on it.
func bind(port int) (release func(), err error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	release = func() { _ = syscall.Close(socket) }
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		release()
		return nil, err
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		release()
		return nil, err
	}
	return release, nil
}
