package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

const readyPoll = 50 * time.Millisecond

var errServerEnded = errors.New("ended without an error")

// serverConfig is the configuration of kube-apiserver.
type serverConfig struct {
	// listener is bound already, so no other process can take the port.
	listener net.Listener
	pki      pki
	extra    []string
}

// apiServer is the running kube-apiserver.
type apiServer struct {
	// ctx ends when the server is asked to stop.
	ctx context.Context
	// done is closed when the server has ended; err is the reason.
	done chan struct{}
	err  error
}

// flags returns the flags that envtest uses, and turns off features that tests
// do not need.
func (c serverConfig) flags() []string {
	return append([]string{
		"--etcd-servers=" + storeURL,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--endpoint-reconciler-type=none",
		"--allow-privileged=true",
		"--authorization-mode=RBAC",
		// No controller creates the account `default`, so this plugin would refuse pods.
		"--disable-admission-plugins=ServiceAccount",
		"--cert-dir=" + c.pki.dir,
		"--tls-cert-file=" + c.pki.path("apiserver.crt"),
		"--tls-private-key-file=" + c.pki.path("apiserver.key"),
		"--client-ca-file=" + c.pki.path("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + c.pki.path("service-accounts.key"),
		"--service-account-key-file=" + c.pki.path("service-accounts.key"),
		// Both features are for clusters of several API servers: leases, and a proxy between them.
		"--feature-gates=APIServerIdentity=false,UnknownVersionInteroperabilityProxy=false",
		"--profiling=false",
		"--shutdown-delay-duration=0s",
	}, c.extra...)
}

// startServer starts kube-apiserver, which runs until ctx ends.
func startServer(ctx context.Context, c serverConfig) (*apiServer, error) {
	completed, err := c.complete(ctx)
	if err != nil {
		return nil, fmt.Errorf("kube-apiserver: %w", err)
	}
	forgiveInterruptedStart(ctx)
	server := &apiServer{ctx: ctx, done: make(chan struct{})}
	go func() {
		defer close(server.done)
		if server.err = app.Run(ctx, completed); server.err == nil {
			server.err = errServerEnded
		}
	}()
	return server, nil
}

// forgiveInterruptedStart makes the process exit with status 0 if it is asked to
// stop while it starts. Otherwise the server's start hooks treat the interruption
// as fatal and exit with status 255.
func forgiveInterruptedStart(ctx context.Context) {
	klog.OsExit = func(status int) {
		if ctx.Err() != nil {
			status = 0
		}
		os.Exit(status)
	}
}

// complete prepares the options as the kube-apiserver command does, without its
// signal handler, which would end the process at once.
func (c serverConfig) complete(ctx context.Context) (options.CompletedOptions, error) {
	run := options.NewServerRunOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	sets := run.Flags()
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(c.flags()); err != nil {
		return options.CompletedOptions{}, err
	}
	run.SecureServing.Listener = c.listener
	run.SecureServing.BindPort = c.listener.Addr().(*net.TCPAddr).Port
	if err := run.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return options.CompletedOptions{}, err
	}
	if err := logsapi.ValidateAndApply(run.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return options.CompletedOptions{}, err
	}
	// Otherwise the clients inside the server log warnings about their own requests.
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	completed, err := run.Complete(ctx)
	if err != nil {
		return options.CompletedOptions{}, err
	}
	return completed, utilerrors.NewAggregate(completed.Validate())
}

// awaitReady returns when /readyz returns ok, which includes the RBAC bootstrap,
// and the namespaces `default` and `kube-system` exist.
func (s *apiServer) awaitReady(ctx context.Context, client kubernetes.Interface) error {
	err := wait.PollUntilContextCancel(ctx, readyPoll, true, func(ctx context.Context) (bool, error) {
		select {
		case <-s.done:
			return false, s.err
		default:
			return isReady(ctx, client), nil
		}
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func isReady(ctx context.Context, client kubernetes.Interface) bool {
	if client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() != nil {
		return false
	}
	for _, name := range []string{metav1.NamespaceDefault, metav1.NamespaceSystem} {
		if _, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{}); err != nil {
			return false
		}
	}
	return true
}

// drain waits until the open requests have ended, at most drainTimeout.
func (s *apiServer) drain() {
	select {
	case <-s.done:
	case <-time.After(drainTimeout):
	}
}
