package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/core/install" // how a query becomes options
)

// kubelet serves the logs of containers, and nothing else of what a kubelet does.
// It reads them with the code of the real one, from files in the format of the
// runtime ("TIME stdout F text"), which the test writes, rotates and ends:
//
//	DIR/kubelet/NAMESPACE/POD/CONTAINER/0.log         what it writes now
//	DIR/kubelet/NAMESPACE/POD/CONTAINER/previous.log  what it wrote before its restart
//	DIR/kubelet/NAMESPACE/POD/CONTAINER/ended         is there once it has ended
//
// Its port stands in DIR/kubelet/port, the number of logs that were asked for so
// far in DIR/kubelet/asked. It lives in the parent, so it outlives an outage of
// the API.
type kubelet struct {
	dir  string
	port int
	tls  *tls.Config

	// cutAfter is the number of bytes after which a log breaks off; 0 is never.
	cutAfter atomic.Int64
	// endsWell says whether what breaks off looks like an ordinary end.
	endsWell atomic.Bool

	mutex  sync.Mutex
	server *http.Server
	asked  int
}

// newKubelet starts one on a free port.
func newKubelet(dir string, p *pki) (*kubelet, error) {
	serving, err := tls.LoadX509KeyPair(p.servingCertPath, p.servingKeyPath)
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(p.clientCA.cert)
	k := &kubelet{
		dir: filepath.Join(dir, "kubelet"),
		tls: &tls.Config{
			Certificates: []tls.Certificate{serving},
			ClientCAs:    clients,
			ClientAuth:   tls.RequireAndVerifyClientCert,
			NextProtos:   []string{"h2", "http/1.1"},
		},
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return nil, err
	}
	if err := k.start(); err != nil {
		return nil, err
	}
	return k, os.WriteFile(filepath.Join(k.dir, "port"), []byte(strconv.Itoa(k.port)), 0o600)
}

// start listens, after a stop on the same port as before.
func (k *kubelet) start() error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.server != nil {
		return errors.New("the kubelet is running already")
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", k.port))
	if err != nil {
		return err
	}
	k.port = listener.Addr().(*net.TCPAddr).Port
	routes := http.NewServeMux()
	routes.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.serveLog)
	k.server = &http.Server{Handler: routes, TLSConfig: k.tls}
	go func(server *http.Server) { _ = server.ServeTLS(listener, "", "") }(k.server)
	return nil
}

// stop closes the port and every connection in the middle of what it was saying.
func (k *kubelet) stop() {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.server != nil {
		_ = k.server.Close()
		k.server = nil
	}
}

// restart breaks off every log that is being read.
func (k *kubelet) restart() error {
	k.stop()
	return k.start()
}

// serveLog is getContainerLogs of pkg/kubelet/server, without its pods.
func (k *kubelet) serveLog(response http.ResponseWriter, request *http.Request) {
	k.count()
	wanted := &corev1.PodLogOptions{}
	if err := legacyscheme.ParameterCodec.DecodeParameters(request.URL.Query(), corev1.SchemeGroupVersion, wanted); err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	name := request.PathValue("container")
	folder := filepath.Join(k.dir, request.PathValue("namespace"), request.PathValue("pod"), name)
	file := filepath.Join(folder, "0.log")
	if wanted.Previous {
		file = filepath.Join(folder, "previous.log")
		if _, err := os.Stat(file); err != nil {
			why := fmt.Sprintf("previous terminated container %q in pod %q not found", name, request.PathValue("pod"))
			http.Error(response, why, http.StatusBadRequest)
			return
		}
	}
	ctx, cancel := context.WithCancel(klog.NewContext(request.Context(), logr.Discard()))
	defer cancel()
	out := &cutter{response: response, left: k.cutAfter.Load()}
	response.Header().Set("Content-Type", "text/plain")
	err := logs.ReadLogs(ctx, file, folder, options(wanted), containers{}, out, out)
	switch {
	case errors.Is(err, errCut) && !k.endsWell.Load():
		panic(http.ErrAbortHandler)
	case err != nil && !errors.Is(err, errCut) && out.written == 0:
		http.Error(response, err.Error(), http.StatusBadRequest)
	}
}

// options says the same to the code that reads.
func options(wanted *corev1.PodLogOptions) *logs.LogOptions {
	options := &logs.LogOptions{
		TailLines:  wanted.TailLines,
		LimitBytes: wanted.LimitBytes,
		Follow:     wanted.Follow,
		Timestamp:  wanted.Timestamps,
	}
	if wanted.SinceSeconds != nil {
		options.Since = time.Now().Add(-time.Duration(*wanted.SinceSeconds) * time.Second)
	}
	if wanted.SinceTime != nil {
		options.Since = wanted.SinceTime.Time
	}
	return options
}

// count writes down that one more log was asked for.
func (k *kubelet) count() {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.asked++
	_ = os.WriteFile(filepath.Join(k.dir, "asked"), []byte(strconv.Itoa(k.asked)), 0o600)
}

var errCut = errors.New("cut off")

// cutter sends everything at once and breaks off when it has sent its share, in
// the middle of whatever is being said.
type cutter struct {
	response      http.ResponseWriter
	left, written int64
}

func (c *cutter) Write(text []byte) (int, error) {
	part, err := text, error(nil)
	if c.left > 0 && c.written+int64(len(text)) >= c.left {
		part, err = text[:c.left-c.written], errCut
	}
	count, failed := c.response.Write(part)
	c.written += int64(count)
	c.response.(http.Flusher).Flush()
	return count, errors.Join(failed, err)
}

// containers knows of each container, whose id is its folder, only whether it runs.
type containers struct{ cri.RuntimeService }

func (containers) ContainerStatus(_ context.Context, folder string, _ bool) (*runtimeapi.ContainerStatusResponse, error) {
	state := runtimeapi.ContainerState_CONTAINER_RUNNING
	if _, err := os.Stat(filepath.Join(folder, "ended")); err == nil {
		state = runtimeapi.ContainerState_CONTAINER_EXITED
	}
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{State: state}}, nil
}
