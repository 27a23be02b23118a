// Registries runs one of two registries that Debian does not have, for tests: distribution v3, and the registry of
// go-containerregistry, which has the referrers API. What to run comes as JSON on stdin; where it listens is printed.
// It ends when stdin does, so that none outlives the test that started it.
package main

import (
	"bufio"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// order is what the first line of stdin holds.
type order struct {
	Kind string `json:"kind"`
	// Directory keeps what is stored, except for go-containerregistry's manifests, which are in memory.
	Directory string `json:"directory"`
	// TLS has the files of a certificate and its key; without it the registry speaks plain HTTP.
	TLS *struct {
		Certificate string `json:"certificate"`
		Key         string `json:"key"`
	} `json:"tls"`
	// Login is asked for on every request, when there is one.
	Login *struct {
		User     string `json:"user"`
		Password string `json:"password"`
		// Htpasswd is a file with the same login.
		Htpasswd string `json:"htpasswd"`
	} `json:"login"`
}

func main() {
	input := bufio.NewReader(os.Stdin)
	var what order
	line, err := input.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &what)
	}
	if err != nil {
		log.Fatal("an order on stdin: ", err)
	}
	var handler http.Handler
	switch what.Kind {
	case "distribution":
		handler = distribution(what)
	case "go-containerregistry":
		handler = goContainerRegistry(what)
	default:
		log.Fatalf("no registry is called %q", what.Kind)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		io.Copy(io.Discard, input)
		os.Exit(0)
	}()
	fmt.Println("listening on", listener.Addr())
	if what.TLS != nil {
		log.Fatal(http.ServeTLS(listener, handler, what.TLS.Certificate, what.TLS.Key))
	}
	log.Fatal(http.Serve(listener, handler))
}

func distribution(what order) http.Handler {
	config := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem": {"rootdirectory": filepath.Join(what.Directory, "distribution")},
			"delete":     {"enabled": true},
		},
	}
	config.HTTP.Secret = "of these tests"
	config.Catalog.MaxEntries = 1000
	if what.Login != nil {
		config.Auth = configuration.Auth{"htpasswd": {"realm": "tests", "path": what.Login.Htpasswd}}
	}
	return handlers.NewApp(context.Background(), config)
}

func goContainerRegistry(what order) http.Handler {
	blobs := apart{filepath.Join(what.Directory, "go-containerregistry")}
	open := registry.New(registry.WithReferrersSupport(true), registry.WithBlobHandler(blobs))
	if what.Login == nil {
		return open
	}
	login := []byte(what.Login.User + "\x00" + what.Login.Password)
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		user, password, _ := request.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(user+"\x00"+password), login) == 1 {
			open.ServeHTTP(response, request)
			return
		}
		response.Header().Set("WWW-Authenticate", `Basic realm="tests"`)
		response.Header().Set("Content-Type", "application/json")
		response.WriteHeader(http.StatusUnauthorized)
		io.WriteString(response, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
	})
}

// apart keeps the blobs of each repository for itself, as registries of more than one user do: the handlers of
// go-containerregistry share them, and would hide from a client that it forgot to send one.
type apart struct{ directory string }

func (a apart) in(repository string) (registry.BlobHandler, error) {
	// The path of an upload ends in one word more than that of a blob.
	directory := filepath.Join(a.directory, strings.TrimSuffix(repository, "/blobs"))
	return registry.NewDiskBlobHandler(directory), os.MkdirAll(directory, 0o777)
}

func (a apart) Get(c context.Context, repository string, h v1.Hash) (io.ReadCloser, error) {
	blobs, err := a.in(repository)
	if err != nil {
		return nil, err
	}
	return blobs.Get(c, repository, h)
}

func (a apart) Stat(c context.Context, repository string, h v1.Hash) (int64, error) {
	blobs, err := a.in(repository)
	if err != nil {
		return 0, err
	}
	return blobs.(registry.BlobStatHandler).Stat(c, repository, h)
}

func (a apart) Put(c context.Context, repository string, h v1.Hash, content io.ReadCloser) error {
	blobs, err := a.in(repository)
	if err != nil {
		return err
	}
	return blobs.(registry.BlobPutHandler).Put(c, repository, h, content)
}
