package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

// The first argument that turns this binary into one of its children.
const (
	apiserverChild   = "apiserver-child"
	controllersChild = "controllers-child"
)

// stopTimeout is how long a child may take to end by itself. Without clients the
// apiserver takes a bit more than a second; with an open watch it would wait up to
// a minute, though it has closed its port and told the client by then.
const stopTimeout = 1500 * time.Millisecond

// cluster is the part that can be stopped, started and frozen.
type cluster struct {
	dir  string
	port int
	etcd string

	kubelet                *kubelet
	apiserver, controllers *child
	died                   chan error
}

// child is a running process of ours.
type child struct {
	command *exec.Cmd
	ended   chan struct{}
}

// runChild is the whole life of a child process.
func runChild(name string, args []string) int {
	var command *cobra.Command
	if name == apiserverChild {
		command = apiserver.NewAPIServerCommand()
	} else {
		command = controllers.NewControllerManagerCommand()
	}
	command.SetArgs(args)
	return cli.Run(command)
}

// startAndWait starts both children and returns when the cluster can be used. On
// an error nothing is left running.
func (c *cluster) startAndWait(ctx context.Context) error {
	if c.apiserver != nil {
		return errors.New("the apiserver is running already")
	}
	c.died = make(chan error, 2)
	err := func() (err error) {
		if c.apiserver, err = c.start(apiserverChild, c.apiserverFlags()); err != nil {
			return err
		}
		if err := c.waitForAPI(ctx); err != nil {
			return err
		}
		// It gives up when it meets no apiserver, so it comes second.
		if c.controllers, err = c.start(controllersChild, c.controllersFlags()); err != nil {
			return err
		}
		return c.waitForUse(ctx)
	}()
	if err != nil {
		c.stop()
	}
	return err
}

// start runs this binary again as the named child. It must be called from the
// main goroutine; see init in main.go.
func (c *cluster) start(name string, args []string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(c.logPath(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(self, append([]string{name}, args...)...)
	command.Dir = c.dir
	command.Stdout, command.Stderr = log, log
	// A control plane this small lives in a fraction of what the collector would
	// let it have, and the start is mostly garbage: collect half as often.
	command.Env = append(os.Environ(), "GOGC=200")
	// Own group: Ctrl-C in a terminal reaches the parent only, which ends the
	// children in order.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	started := &child{command: command, ended: make(chan struct{})}
	died := c.died
	go func() {
		err := command.Wait()
		close(started.ended)
		died <- fmt.Errorf("%s ended by itself (%v); see %s", name, err, c.logPath(name))
	}()
	return started, nil
}

func (c *cluster) logPath(name string) string {
	return filepath.Join(c.dir, strings.TrimSuffix(name, "-child")+".log")
}

// stop ends both children; stopping what is stopped is fine. Those that do not
// listen, because they are frozen or wait for a request, are killed.
func (c *cluster) stop() {
	var running []*child
	for _, one := range []*child{c.controllers, c.apiserver} {
		if one != nil {
			_ = one.command.Process.Signal(syscall.SIGTERM)
			running = append(running, one)
		}
	}
	patience, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	for _, one := range running {
		select {
		case <-one.ended:
		case <-patience.Done():
			_ = one.command.Process.Kill()
			<-one.ended
		}
	}
	c.apiserver, c.controllers = nil, nil
	c.died = nil // What died now was told to.
}

// signal sends a signal to both children: in k3s they are one process, so they
// are frozen together there as well.
func (c *cluster) signal(signal syscall.Signal) error {
	if c.apiserver == nil || c.controllers == nil {
		return errors.New("the apiserver is not running")
	}
	return errors.Join(
		c.apiserver.command.Process.Signal(signal),
		c.controllers.command.Process.Signal(signal),
	)
}

// pki returns the path of a file that loadOrCreatePKI made.
func (c *cluster) pki(file string) string {
	return filepath.Join(c.dir, "pki", file)
}

// apiserverFlags are those of k3s where a client can see the difference, and the
// cheapest ones elsewhere.
func (c *cluster) apiserverFlags() []string {
	return []string{
		"--etcd-servers=" + c.etcd,
		// The command "compact" does it. Not 0: with that the apiserver would not
		// even notice that somebody else did.
		"--etcd-compaction-interval=24h",
		"--etcd-count-metric-poll-period=0",
		"--etcd-db-metric-poll-interval=0",
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", c.port),
		"--tls-cert-file=" + c.pki("serving.crt"),
		"--tls-private-key-file=" + c.pki("serving.key"),
		"--client-ca-file=" + c.pki("client-ca.crt"),
		"--token-auth-file=" + c.pki("tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + c.pki("service-account.key"),
		"--service-account-signing-key-file=" + c.pki("service-account.key"),
		"--service-cluster-ip-range=10.43.0.0/16",
		"--authorization-mode=Node,RBAC",
		"--kubelet-preferred-address-types=InternalIP",
		"--kubelet-certificate-authority=" + c.pki("server-ca.crt"),
		"--kubelet-client-certificate=" + c.pki("kubelet-client.crt"),
		"--kubelet-client-key=" + c.pki("kubelet-client.key"),
		"--anonymous-auth=false",
		"--allow-privileged=true",
		"--endpoint-reconciler-type=none",
		"--event-ttl=1h",
		"--profiling=false",
		"-v=0",
	}
}

// controllersFlags name the controllers that nodes, pods, services and rights
// depend on. Left out are those that need a cloud, volumes or certificates of
// kubelets, and those that wake up often to find nothing.
func (c *cluster) controllersFlags() []string {
	return []string{
		"--kubeconfig=" + filepath.Join(c.dir, adminKubeconfig),
		"--leader-elect=false",
		"--secure-port=0",
		"--allocate-node-cidrs=false",
		"--root-ca-file=" + c.pki("server-ca.crt"),
		"--service-account-private-key-file=" + c.pki("service-account.key"),
		"--controllers=" + strings.Join([]string{
			"node-lifecycle-controller",
			"taint-eviction-controller",
			"pod-garbage-collector-controller",
			"garbage-collector-controller",
			"namespace-controller",
			"serviceaccount-controller",
			"serviceaccount-token-controller",
			"root-ca-certificate-publisher-controller",
			"clusterrole-aggregation-controller",
			"deployment-controller",
			"replicaset-controller",
			"daemonset-controller",
			"disruption-controller",
			"endpointslice-controller",
		}, ","),
		"-v=0",
	}
}
