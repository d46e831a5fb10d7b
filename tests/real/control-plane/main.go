// Control-plane is a throw-away Kubernetes control plane for tests: the real
// kube-apiserver, kube-controller-manager and etcd in one binary, started with
// one command and gone when its standard input is closed.
//
//	control-plane --dir DIR [--port 0]
//
// Everything lives below DIR: etcd's data, certificates (DIR/pki), logs
// (DIR/*.log) and kubeconfigs. It listens on 127.0.0.1 only. Starting it again
// with the same DIR continues the same cluster: same data, same certificates,
// same port (kept in DIR/port; --port counts only for a new DIR), so that a
// stop and a start are an outage and not a new cluster.
//
// A kubelet serves the logs of containers; see kubelet.go for where it has them from.
//
// The kubeconfigs:
//
//	k3s.yaml                 as k3s writes /etc/rancher/k3s/k3s.yaml: system:masters
//	kubeconfig-viewer.yaml   user "viewer": may get, list and watch nodes and pods, nothing else
//	kubeconfig-nobody.yaml   user "nobody": has no rights (403)
//	kubeconfig-token.yaml    a bearer token with system:masters
//	kubeconfig-badca.yaml    trusts the CA of somebody else: the handshake fails
//	kubeconfig-expired.yaml  its client certificate ended yesterday (401)
//
// Standard output carries the protocol and nothing else. The first line is
// "ready PORT", printed when /readyz is ok, the roles of the RBAC bootstrap and
// the rights of "viewer" are in force, and pods can be created in the namespace
// "default". After that each line read from standard input is answered by one:
//
//	stop-api     stopped        apiserver and controller-manager are ended, the port
//	                            refuses connections, etcd and its data stay
//	start-api    ready PORT     they are back
//	hang-api     hanging        both are frozen (SIGSTOP): connections are accepted by
//	                            the kernel, nothing answers, as on a k3s that is stuck
//	resume-api   resumed        they go on (SIGCONT)
//	compact      compacted REV  etcd forgets its history up to REV; see etcd.go for what
//	                            then answers 410 and what does not
//	stop-kubelet  stopped       the kubelet's port refuses connections, logs break off
//	start-kubelet running       it is back on the same port
//	cut-logs N    cutting       a log that is asked for from now on breaks off after N
//	                            bytes, wherever that is; 0 is never again
//	end-logs N    ending        the same, but it ends as if that were all of it
//	cut-now       cut           every log that is being read breaks off
//	quit                        everything ends, exit code 0
//
// A command that cannot be obeyed is answered "error REASON" and changes
// nothing. End of input and SIGTERM mean quit. If a child dies by itself the
// program says so on standard error and exits with code 1, because a test bed
// that heals itself would hide the fault.
//
// The apiserver and the controller-manager run as child processes of the same
// binary: both keep global state (signal handlers, metrics, logging set-up) that
// cannot be started twice in one process, and only a process can be frozen. They
// die with their parent, even if it is killed with SIGKILL. etcd runs in the
// parent, so it outlives an outage of the API.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// readyTimeout bounds a start. A warm machine needs a few seconds; a loaded one
// with two cores was seen to need ten times as long.
const readyTimeout = 2 * time.Minute

func init() {
	// The kernel sends the parent-death signal when the *thread* that forked
	// ends. Tied to the main thread, which lives as long as the process, the main
	// goroutine is the one that may start children.
	runtime.LockOSThread()
}

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case apiserverChild, controllersChild:
			os.Exit(runChild(os.Args[1], os.Args[2:]))
		}
	}
	dir := flag.String("dir", "", "folder for data, certificates, kubeconfigs and logs")
	port := flag.Int("port", 0, "port of the apiserver in a new folder; 0 picks a free one")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*dir, *port); err != nil {
		fmt.Fprintf(os.Stderr, "control-plane: %v\n", err)
		os.Exit(1)
	}
}

// run brings everything up, serves the protocol and takes everything down.
func run(dir string, port int) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	unlock, err := lockFolder(dir)
	if err != nil {
		return err
	}
	defer unlock()

	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	commands := readCommands(cancel)

	port, release, err := reservePort(dir, port)
	if err != nil {
		return err
	}
	defer release()
	pki, err := loadOrCreatePKI(filepath.Join(dir, "pki"))
	if err != nil {
		return err
	}
	if err := writeKubeconfigs(dir, port, pki); err != nil {
		return err
	}
	store, err := startStore(dir)
	if err != nil {
		return err
	}
	defer store.Close()

	kubelet, err := newKubelet(dir, pki)
	if err != nil {
		return err
	}
	defer kubelet.stop()

	cluster := &cluster{dir: dir, port: port, etcd: store.Endpoint(), kubelet: kubelet}
	defer cluster.stop()
	if err := cluster.startAndWait(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // Told to end before it was up: that is not a failure.
		}
		return err
	}
	fmt.Printf("ready %d\n", port)
	return serve(ctx, commands, cluster, store)
}

// serve answers one command after the other until it is told to end.
func serve(ctx context.Context, commands <-chan string, cluster *cluster, store *store) error {
	for {
		select {
		case command, more := <-commands:
			if !more || command == "quit" {
				return nil
			}
			answer, err := obey(ctx, command, cluster, store)
			if err != nil {
				answer = "error " + oneLine(err)
			}
			fmt.Println(answer)
		case <-ctx.Done():
			return nil
		case died := <-cluster.died:
			return died
		}
	}
}

// obey does what one command says and returns the line that answers it.
func obey(ctx context.Context, command string, cluster *cluster, store *store) (string, error) {
	command, argument, _ := strings.Cut(command, " ")
	switch command {
	case "stop-api":
		cluster.stop()
		return "stopped", nil
	case "start-api":
		if err := cluster.startAndWait(ctx); err != nil {
			return "", err
		}
		return fmt.Sprintf("ready %d", cluster.port), nil
	case "hang-api":
		return "hanging", cluster.signal(syscall.SIGSTOP)
	case "resume-api":
		return "resumed", cluster.signal(syscall.SIGCONT)
	case "compact":
		revision, err := store.Compact()
		return fmt.Sprintf("compacted %d", revision), err
	case "stop-kubelet":
		cluster.kubelet.stop()
		return "stopped", nil
	case "start-kubelet":
		return "running", cluster.kubelet.start()
	case "cut-now":
		return "cut", cluster.kubelet.restart()
	case "cut-logs", "end-logs":
		bytes, err := strconv.ParseInt(argument, 10, 64)
		cluster.kubelet.endsWell.Store(command == "end-logs")
		cluster.kubelet.cutAfter.Store(bytes)
		return map[bool]string{true: "ending", false: "cutting"}[command == "end-logs"], err
	}
	return "", fmt.Errorf("unknown command %q", command)
}

// readCommands turns standard input into a channel that is closed at its end.
// The channel has no buffer, so the end is seen only after every command before
// it was taken; then a start that is still waiting is given up, because nobody
// is left who wants it.
func readCommands(atEnd func()) <-chan string {
	commands := make(chan string)
	go func() {
		defer atEnd()
		defer close(commands)
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			commands <- lines.Text()
		}
	}()
	return commands
}

// lockFolder keeps a second program out of the same folder; two of them would
// otherwise wait for etcd's lock in silence.
func lockFolder(dir string) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is in use by another control-plane", dir), file.Close())
	}
	return func() { _ = file.Close() }, nil
}
