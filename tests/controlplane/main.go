// Command controlplane is one process that is a whole Kubernetes control plane
// for tests and demonstrations: etcd, kube-apiserver, namespace deletion and
// the garbage collector. Nothing of it is imitated; the parts are those of the
// Kubernetes release that go.mod names.
//
// It serves on the loopback interface only, keeps everything below one
// directory, and can be started again on that directory. It ends with SIGTERM,
// SIGINT, or the end of its standard input, so that a parent that is killed
// leaves no process behind. SIGUSR1 compacts etcd.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// settings are the command line, with every path absolute.
type settings struct {
	dir        string
	port       int
	kubeconfig string
	keepStdin  bool
	// serverFlags follow the own flags of kube-apiserver and therefore win.
	serverFlags []string
}

func main() {
	cfg, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		os.Exit(2)
	}
	console, err := openConsole()
	if err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
	if err := run(cfg, console); err != nil {
		fmt.Fprintln(console.err, "controlplane:", err)
		os.Exit(1)
	}
}

// parse reads the command line; what is wrong with it has been printed to usage.
func parse(args []string, usage io.Writer) (settings, error) {
	var cfg settings
	flags := flag.NewFlagSet("controlplane", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&cfg.dir, "dir", "", "directory of all state (required; created when missing)")
	flags.IntVar(&cfg.port, "port", 0, "loopback port of the API server; 0 takes a free one")
	flags.StringVar(&cfg.kubeconfig, "kubeconfig", "", "where to write the administrator's kubeconfig (default DIR/kubeconfig)")
	flags.BoolVar(&cfg.keepStdin, "keep-running-without-stdin", false, "do not end with standard input")
	flags.Usage = func() {
		fmt.Fprintln(usage, "usage: controlplane --dir DIR [flags] [-- kube-apiserver flags]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return cfg, err
	}
	cfg.serverFlags = flags.Args()
	if cfg.dir == "" {
		err := fmt.Errorf("--dir is required")
		fmt.Fprintln(usage, "controlplane:", err)
		return cfg, err
	}
	if cfg.kubeconfig == "" {
		cfg.kubeconfig = filepath.Join(cfg.dir, "kubeconfig")
	}
	return cfg, absolute(&cfg.dir, &cfg.kubeconfig)
}

func absolute(paths ...*string) error {
	for _, path := range paths {
		full, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = full
	}
	return nil
}
