package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
)

const (
	// readyTimeout is long enough for a busy machine; an idle one needs a few
	// seconds.
	readyTimeout = 3 * time.Minute
	// drainTimeout limits the time that open requests can delay the stop. Their
	// data is already in etcd's log, so closing them loses nothing.
	drainTimeout = 2 * time.Second
)

var errReadyTimeout = fmt.Errorf("not ready within %s", readyTimeout)

// run starts the control plane and serves until the process is asked to stop,
// and then returns nil.
func run(cfg settings, console console) error {
	started := time.Now()
	home, err := openHome(cfg.dir)
	if err != nil {
		return err
	}
	ctx, stop := stopContext(cfg.keepStdin)
	defer stop()

	pki, err := openPKI(home.pki)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", cfg.port))
	if err != nil {
		return err
	}
	store, err := startStore(home.etcd)
	if err != nil {
		return err
	}
	defer store.close()
	server, err := startServer(ctx, serverConfig{listener: listener, pki: pki, extra: cfg.serverFlags})
	if err != nil {
		return err
	}
	defer server.drain()

	url := "https://" + listener.Addr().String()
	if err := pki.writeKubeconfig(url, cfg.kubeconfig); err != nil {
		return err
	}
	if err := bringUp(ctx, server, cfg.kubeconfig); err != nil {
		return unlessStopped(ctx, fmt.Errorf("%w; see %s", err, home.log))
	}
	fmt.Fprintf(console.out, "READY %s %s %.1f\n", url, cfg.kubeconfig, time.Since(started).Seconds())
	return serveUntilStopped(ctx, server, store, home.log, console.err)
}

// bringUp returns when the API server is ready, its own objects exist and the
// controllers are synced.
func bringUp(ctx context.Context, server *apiServer, kubeconfig string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, errReadyTimeout)
	defer cancel()
	config, err := controllerConfig(kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := server.awaitReady(ctx, client); err != nil {
		return err
	}
	controllers, err := startControllers(server.ctx, config, client)
	if err != nil {
		return err
	}
	return controllers.awaitSynced(ctx)
}

// serveUntilStopped compacts etcd on SIGUSR1 until the process is asked to stop.
func serveUntilStopped(ctx context.Context, server *apiServer, store *store, log string, notes io.Writer) error {
	compact := make(chan os.Signal, 1)
	signal.Notify(compact, syscall.SIGUSR1)
	defer signal.Stop(compact)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-server.done:
			return unlessStopped(ctx, fmt.Errorf("kube-apiserver ended: %w; see %s", server.err, log))
		case <-compact:
			revision, err := store.compact(ctx)
			if err != nil {
				return unlessStopped(ctx, err)
			}
			fmt.Fprintf(notes, "controlplane: compacted etcd at revision %d\n", revision)
		}
	}
}

// stopContext returns a context that ends with the first signal to stop, or with
// standard input.
func stopContext(keepStdin bool) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	if !keepStdin {
		go func() {
			defer stop()
			// A closed or broken standard input also means that the parent has ended.
			_, _ = io.Copy(io.Discard, os.Stdin)
		}()
	}
	return ctx, stop
}

// unlessStopped returns nil instead of an error that a requested stop caused.
func unlessStopped(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return err
}
