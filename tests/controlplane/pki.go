package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// certificateLife is longer than any demonstration runs.
const certificateLife = 10 * 365 * 24 * time.Hour

// pki is the folder of keys and certificates of one control plane. It is created
// once, so that a kubeconfig stays valid after a restart.
type pki struct{ dir string }

func openPKI(dir string) (pki, error) {
	p := pki{dir: dir}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	draft := pki{dir: dir + ".draft"}
	if err := os.RemoveAll(draft.dir); err != nil {
		return p, err
	}
	if err := os.Mkdir(draft.dir, 0o700); err != nil {
		return p, err
	}
	if err := draft.fill(); err != nil {
		return p, err
	}
	return p, os.Rename(draft.dir, dir)
}

// path returns the path of a file, such as "ca.crt".
func (p pki) path(name string) string { return filepath.Join(p.dir, name) }

// fill creates the certificates of the authority, the server and the
// administrator, and the key that signs the tokens of service accounts.
func (p pki) fill() error {
	now := time.Now()
	ca := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "controlplane-ca"},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	server := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	admin := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for serial, cert := range []*x509.Certificate{ca, server, admin} {
		cert.SerialNumber = big.NewInt(int64(serial) + 1)
		// Valid from an hour ago, in case the clock is set back while the process runs.
		cert.NotBefore, cert.NotAfter = now.Add(-time.Hour), now.Add(certificateLife)
	}
	caKey, err := p.issue("ca", ca, ca, nil)
	if err != nil {
		return err
	}
	if _, err := p.issue("apiserver", server, ca, caKey); err != nil {
		return err
	}
	if _, err := p.issue("admin", admin, ca, caKey); err != nil {
		return err
	}
	_, err = p.newKey("service-accounts")
	return err
}

// issue writes name.key and name.crt. Without a parent key the certificate is
// self-signed.
func (p pki) issue(name string, cert, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	key, err := p.newKey(name)
	if err != nil {
		return nil, err
	}
	if parentKey == nil {
		parentKey = key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, err
	}
	return key, p.writePEM(name+".crt", "CERTIFICATE", der)
}

func (p pki) newKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, p.writePEM(name+".key", "EC PRIVATE KEY", der)
}

func (p pki) writePEM(name, kind string, der []byte) error {
	return os.WriteFile(p.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// writeKubeconfig writes the administrator's access to url. The file contains
// the certificates, so that it can be copied.
func (p pki) writeKubeconfig(url, path string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["controlplane"] = &clientcmdapi.Cluster{Server: url, CertificateAuthority: p.path("ca.crt")}
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{ClientCertificate: p.path("admin.crt"), ClientKey: p.path("admin.key")}
	config.Contexts["controlplane"] = &clientcmdapi.Context{Cluster: "controlplane", AuthInfo: "admin"}
	config.CurrentContext = "controlplane"
	if err := clientcmdapi.FlattenConfig(config); err != nil {
		return err
	}
	return clientcmd.WriteToFile(*config, path)
}
