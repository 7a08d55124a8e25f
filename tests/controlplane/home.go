package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// home is the directory of one control plane and what the process keeps open
// in it.
type home struct {
	pki, etcd, log string
	// lock is held until the process ends, however it ends.
	lock *os.File
}

// openHome makes dir private, enters it, locks it and sends all logs to it.
//
// It enters the directory because etcd's sockets are named relative to it:
// a socket's path may not exceed about 100 bytes, a directory's may.
func openHome(dir string) (*home, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chdir(dir); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile("lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("%s is in use by another control plane: %w", dir, err)
	}
	h := &home{
		pki:  filepath.Join(dir, "pki"),
		etcd: filepath.Join(dir, "etcd"),
		log:  filepath.Join(dir, "controlplane.log"),
		lock: lock,
	}
	return h, h.redirectOutput()
}

// redirectOutput sends everything that is printed from now on, the runtime's
// panics included, to the log.
func (h *home) redirectOutput() error {
	log, err := os.OpenFile(h.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	for _, stream := range []*os.File{os.Stdout, os.Stderr} {
		if err := syscall.Dup3(int(log.Fd()), int(stream.Fd()), 0); err != nil {
			return fmt.Errorf("redirecting %s: %w", stream.Name(), err)
		}
	}
	return nil
}

// console is the caller's standard output and error, out of reach of libraries
// that print.
type console struct{ out, err *os.File }

// openConsole must be called before any output is redirected.
func openConsole() (console, error) {
	var c console
	for stream, kept := range map[*os.File]**os.File{os.Stdout: &c.out, os.Stderr: &c.err} {
		descriptor, err := syscall.Dup(int(stream.Fd()))
		if err != nil {
			return c, fmt.Errorf("keeping %s: %w", stream.Name(), err)
		}
		syscall.CloseOnExec(descriptor)
		*kept = os.NewFile(uintptr(descriptor), stream.Name())
	}
	return c, nil
}
