package service

import (
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// door is how a service lets others in: where it listens, what it speaks, whom it asks for what.
type door struct {
	socket, cert, key, clientCA *string
	tokenFile                   *string
	user, passwordFile          *string
	writeTimeout                *time.Duration
}

func doorFlags() *door {
	return &door{
		socket:       flag.String("unix", "", "listen on this unix socket instead"),
		cert:         flag.String("cert", "", "speak TLS with this certificate"),
		key:          flag.String("key", "", "and this key"),
		clientCA:     flag.String("client-ca", "", "let in only clients with a certificate of this authority"),
		tokenFile:    flag.String("token-file", "", "let in only who sends the bearer token in this file"),
		user:         flag.String("user", "", "let in only this user of basic authentication"),
		passwordFile: flag.String("password-file", "", "with the password in this file"),
		writeTimeout: flag.Duration("write-timeout", 0, "http.Server.WriteTimeout"),
	}
}

func (d *door) listen(address string) (net.Listener, error) {
	if *d.socket != "" {
		return net.Listen("unix", *d.socket)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address", listener.Addr())
	}
	if *d.cert == "" {
		return listener, nil
	}
	pair, err := tls.LoadX509KeyPair(*d.cert, *d.key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if *d.clientCA != "" {
		pem, err := os.ReadFile(*d.clientCA)
		if err != nil {
			return nil, err
		}
		config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		config.ClientCAs.AppendCertsFromPEM(pem)
	}
	return tls.NewListener(listener, config), nil
}

// guarded asks for what the flags say. The files are read for each request: the tests exchange them.
func (d *door) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if *d.tokenFile != "" && !same(r.Header.Get("Authorization"), "Bearer "+secret(*d.tokenFile)) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "a token is wanted", http.StatusUnauthorized)
			return
		}
		user, password, _ := r.BasicAuth()
		if *d.user != "" && !(same(user, *d.user) && same(password, secret(*d.passwordFile))) {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "a user is wanted", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func secret(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "\x00"
	}
	return strings.TrimSpace(string(text))
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
