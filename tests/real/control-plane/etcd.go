package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

// compactRevKey is where apiservers tell each other what was compacted. The
// apiserver watches it and drops its own snapshots of older versions.
const compactRevKey = "compact_rev_key"

// store is the etcd of this process. What Compact does to clients was measured
// with Kubernetes 1.36.3; it is less than one expects, because the apiserver
// answers from its own memory where it can:
//
//   - A watch of something it keeps in memory (nodes, pods, services, leases,
//     nearly everything) is NOT refused after Compact, whatever version since the
//     apiserver's start it asks for, even 1 in a new folder.
//   - A watch of events, which it does not keep in memory, from an older version:
//     one ERROR event with code 410 at once. So is a list of events at an exact
//     older version (HTTP 410).
//   - A list at an exact older version, and a page with an older continue token:
//     HTTP 410, but up to 15 s later, when the apiserver has dropped its own
//     snapshots. Until then they are served.
//   - stop-api and start-api need no Compact: the new apiserver remembers nothing
//     from before its start and has itself written something by then, so every
//     watch that is resumed from a version of before gets ERROR with code 410
//     ("too old resource version"). That is the sure way to a 410 on a watch.
//     Pages and exact lists are served after a restart, unless Compact went before.
type store struct {
	etcd   *embed.Etcd
	client *clientv3.Client
}

// startStore starts etcd on free ports of 127.0.0.1 and waits until it serves.
// The ports may differ from start to start: the only client is the apiserver,
// which is told, and a lone member never calls its own peer address.
func startStore(dir string) (*store, error) {
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config := embed.NewConfig()
	config.Name = "control-plane" // etcd warns about its own default
	config.Dir = filepath.Join(dir, "etcd")
	config.LogLevel = "warn"
	config.LogOutputs = []string{filepath.Join(dir, "etcd.log")}
	config.ListenClientUrls, config.AdvertiseClientUrls = anyPort, anyPort
	config.ListenPeerUrls, config.AdvertisePeerUrls = anyPort, anyPort
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.EnableGRPCGateway = false
	// A test's data need not survive a power cut, and fsync is most of the start time.
	config.UnsafeNoFsync = true
	config.QuotaBackendBytes = 1 << 30
	config.SnapshotCount = 5000
	// Left at zero, every request counts as slow and is logged.
	config.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration

	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("cannot start etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return &store{etcd: etcd, client: v3client.New(etcd.Server)}, nil
	case err := <-etcd.Err():
		etcd.Close()
		return nil, fmt.Errorf("etcd ended: %w; see %s", err, config.LogOutputs[0])
	case <-time.After(readyTimeout):
		etcd.Close()
		return nil, fmt.Errorf("etcd is not ready after %s; see %s", readyTimeout, config.LogOutputs[0])
	}
}

// Endpoint is the address that the apiserver uses.
func (s *store) Endpoint() string {
	return "http://" + s.etcd.Clients[0].Addr().String()
}

// Compact makes etcd forget its history up to now and returns that revision. It
// does what the apiserver does every five minutes of its life (and does not do
// here: its timer is set to a day, so that history ends only when a test says so).
func (s *store) Compact() (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	revision := s.etcd.Server.KV().Rev()
	if _, err := s.client.Put(ctx, compactRevKey, strconv.FormatInt(revision, 10)); err != nil {
		return revision, err
	}
	_, err := s.client.Compact(ctx, revision, clientv3.WithCompactPhysical())
	return revision, err
}

// Close ends etcd. The wait is short because the one client is gone by then.
func (s *store) Close() {
	_ = s.client.Close()
	s.etcd.Close()
}
