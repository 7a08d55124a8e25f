// Command controlplane runs a whole Kubernetes control plane in one process, for
// tests and demonstrations: etcd, kube-apiserver, namespace deletion and the
// garbage collector. All parts are the real ones of the Kubernetes release in
// go.mod.
//
// It serves on the loopback interface only, keeps all state in one directory, and
// can start again on that directory. It stops on SIGTERM, SIGINT, or at the end
// of its standard input, so it also stops when its parent is killed. SIGUSR1
// compacts etcd.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// settings are the values of the command line, with absolute paths.
type settings struct {
	dir        string
	port       int
	kubeconfig string
	keepStdin  bool
	// serverFlags come after the flags that this program sets, so they override
	// them.
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

// parse reads the command line. It prints errors to usage.
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
