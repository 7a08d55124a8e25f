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
	// storeURL names a socket in the working directory, which is private: no
	// port to collide with, and no way for other users around RBAC. The number
	// is part of the file's name; etcd insists on something like a port.
	storeURL = "unix://etcd.sock:1"
	peerURL  = "unix://etcd.sock:2"
	// storeTimeout bounds starting and stopping etcd.
	storeTimeout = time.Minute
	closeTimeout = time.Second
	// compactRevKey is where kube-apiserver publishes compactions; its caches
	// drop their snapshots of older revisions when the key changes.
	compactRevKey = "compact_rev_key"
)

// store is the etcd inside this process.
type store struct {
	etcd   *embed.Etcd
	client *clientv3.Client
}

// startStore returns when etcd answers from the data in dir.
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
	// Left at zero by the library, which then warns of every request.
	cfg.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration
	cfg.EnableGRPCGateway = false
	// What a test writes must outlive the process, not the machine.
	cfg.UnsafeNoFsync = true
	// Alone in the cluster, it need not wait long before it elects itself.
	cfg.TickMs, cfg.ElectionMs = 10, 100
	return cfg
}

// compact forgets all history before the current revision, and says so where
// kube-apiserver looks.
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

// close gives etcd a moment; its log is replayed at the next start if the
// moment is too short.
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
