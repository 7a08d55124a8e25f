package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// home is the directory of one control plane, and its open lock file.
type home struct {
	pki, etcd, log string
	// The kernel releases lock when the process ends, in any way.
	lock *os.File
}

// openHome makes dir private, enters it, locks it and sends all logs to it.
//
// The process changes to the directory because the paths of etcd's sockets are
// relative to it. The path of a socket is limited to about 100 bytes, the path
// of a directory is not.
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

// redirectOutput sends all further output to the log, including panics of the
// runtime.
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

// console is the caller's standard output and error. Libraries that print do not
// write to it.
type console struct{ out, err *os.File }

// openConsole duplicates standard output and error. Call it before redirectOutput.
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
