// Writes the certificates that the tests of TLS need into a folder: an authority, what it signed for a service and a
// client, and what must not be believed. Made anew for each run, so nothing here is a secret of anybody.
//
//	certificates FOLDER
//
//	ca.pem                      the authority
//	server.pem, server.key      for localhost, 127.0.0.1 and ::1
//	expired.pem, expired.key    the same, until yesterday
//	elsewhere.pem, .key         for elsewhere.test only
//	client.pem, client.key      a client's
//	stranger-ca.pem             another authority
//	stranger.pem, stranger.key  what that one signed, for server and client alike
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const day = 24 * time.Hour

type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: certificates FOLDER")
	}
	folder := os.Args[1]
	ours, theirs := authority("linger test authority"), authority("a stranger")
	write(folder, "ca", ours, false)
	write(folder, "stranger-ca", theirs, false)
	here := []string{"localhost"}
	write(folder, "server", signed(ours, here, day), true)
	write(folder, "expired", signed(ours, here, -day), true)
	write(folder, "elsewhere", signed(ours, []string{"elsewhere.test"}, day), true)
	write(folder, "client", signed(ours, nil, day), true)
	write(folder, "stranger", signed(theirs, here, day), true)
}

func authority(name string) pair {
	return made(&x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotAfter:              time.Now().Add(day),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}, nil)
}

func signed(by pair, names []string, valid time.Duration) pair {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "linger test"},
		NotAfter:    time.Now().Add(valid),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    names,
	}
	if len(names) > 0 && names[0] == "localhost" {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	}
	return made(template, &by)
}

func made(template *x509.Certificate, by *pair) pair {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	check(err)
	template.NotBefore = time.Now().Add(-2 * day)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	check(err)
	certificate, err := x509.ParseCertificate(der)
	check(err)
	return pair{certificate, key}
}

func write(folder, name string, p pair, withKey bool) {
	put(filepath.Join(folder, name+".pem"), "CERTIFICATE", p.certificate.Raw)
	if withKey {
		der, err := x509.MarshalPKCS8PrivateKey(p.key)
		check(err)
		put(filepath.Join(folder, name+".key"), "PRIVATE KEY", der)
	}
}

func put(path, kind string, der []byte) {
	check(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
