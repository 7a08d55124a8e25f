package main

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

const (
	// storeURL names a socket in the working directory, which is private. So there
	// is no port conflict, and other users cannot bypass RBAC. The number is part
	// of the file name, because etcd requires a port.
	storeURL = "unix://etcd.sock:1"
	peerURL  = "unix://etcd.sock:2"
	// storeTimeout limits the start of etcd.
	storeTimeout = time.Minute
	closeTimeout = time.Second
	// compactRevKey is the key where kube-apiserver publishes compactions. Its
	// caches drop snapshots of older revisions when the key changes.
	compactRevKey = "compact_rev_key"
)

// store is the etcd server in this process, and a client of it.
type store struct {
	etcd   *embed.Etcd
	client *clientv3.Client
}

// startStore starts etcd on the data in dir, and returns when it is ready.
func startStore(dir string) (*store, error) {
	etcd, err := embed.StartEtcd(storeConfig(dir))
	if err != nil {
		return nil, err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return &store{etcd: etcd, client: v3client.New(etcd.Server)}, nil
	case err := <-etcd.Err():
		return nil, err
	case <-time.After(storeTimeout):
		return nil, errors.New("etcd is not ready")
	}
}

func storeConfig(dir string) *embed.Config {
	socket := func(raw string) []url.URL {
		u, err := url.Parse(raw)
		if err != nil {
			panic(err) // The argument is a constant of this file.
		}
		return []url.URL{*u}
	}
	cfg := embed.NewConfig()
	cfg.Dir = dir
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = socket(storeURL), socket(storeURL)
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = socket(peerURL), socket(peerURL)
	cfg.InitialCluster = cfg.Name + "=" + peerURL
	cfg.LogLevel = "warn"
	// The library leaves this at zero and then logs a warning for every request.
	cfg.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration
	cfg.EnableGRPCGateway = false
	// Data must survive the end of the process, not of the machine.
	cfg.UnsafeNoFsync = true
	// The cluster has one member, so a short election timeout is enough.
	cfg.TickMs, cfg.ElectionMs = 10, 100
	return cfg
}

// compact removes all history before the current revision, and publishes the
// compaction to kube-apiserver.
func (s *store) compact(ctx context.Context) (int64, error) {
	now, err := s.client.Get(ctx, compactRevKey)
	if err != nil {
		return 0, err
	}
	revision := now.Header.Revision
	if _, err := s.client.Compact(ctx, revision, clientv3.WithCompactPhysical()); err != nil {
		return 0, err
	}
	_, err = s.client.Put(ctx, compactRevKey, strconv.FormatInt(revision, 10))
	return revision, err
}

// close stops etcd and waits at most closeTimeout. If etcd needs longer, it
// replays its log at the next start.
func (s *store) close() {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.etcd.Close()
	}()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
	}
}
