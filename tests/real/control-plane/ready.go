package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const viewerName = "viewer"

// probeEvery is how often a condition is looked at while something starts.
const probeEvery = 50 * time.Millisecond

// waitForAPI returns when the apiserver says that it is ready. Its hooks are part
// of that, so the roles of the RBAC bootstrap are there too.
func (c *cluster) waitForAPI(ctx context.Context) error {
	admin, err := c.client(adminKubeconfig)
	if err != nil {
		return err
	}
	return c.poll(ctx, "/readyz", func(ctx context.Context) error {
		return admin.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// waitForUse makes the rights of the viewer and returns when they count and when
// pods can be created, for which the default service account must be there.
func (c *cluster) waitForUse(ctx context.Context) error {
	admin, err := c.client(adminKubeconfig)
	if err != nil {
		return err
	}
	viewer, err := c.client("kubeconfig-viewer.yaml")
	if err != nil {
		return err
	}
	if err := createViewer(ctx, admin); err != nil {
		return fmt.Errorf("cannot give the viewer its rights: %w", err)
	}
	err = c.poll(ctx, "the rights of the viewer", func(ctx context.Context) error {
		_, err := viewer.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: 1})
		return err
	})
	if err != nil {
		return err
	}
	return c.poll(ctx, "the service account of the namespace default", func(ctx context.Context) error {
		_, err := admin.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// createViewer lets the user "viewer" read nodes and pods. That is less than the
// built-in role "view" gives, and without leases and events on purpose: a client
// must get along when it may not see those.
func createViewer(ctx context.Context, admin kubernetes.Interface) error {
	name := metav1.ObjectMeta{Name: viewerName}
	_, roleErr := admin.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{
		ObjectMeta: name,
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{""},
			Resources: []string{"nodes", "pods"},
			Verbs:     []string{"get", "list", "watch"},
		}},
	}, metav1.CreateOptions{})
	_, bindingErr := admin.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: name,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: viewerName},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: viewerName}},
	}, metav1.CreateOptions{})
	// They exist already when the folder is used again.
	for _, err := range []error{roleErr, bindingErr} {
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

// poll asks until the answer is no error. It gives up when a child dies, because
// then no answer will come.
func (c *cluster) poll(ctx context.Context, what string, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticks := time.NewTicker(probeEvery)
	defer ticks.Stop()
	for {
		last := ask(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-ticks.C:
		case died := <-c.died:
			return died
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waited in vain for %s: %s", what, oneLine(last)), ctx.Err())
		}
	}
}

// client is a client with the rights of one of our kubeconfigs.
func (c *cluster) client(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(c.dir, kubeconfig))
	if err != nil {
		return nil, err
	}
	config.UserAgent = "control-plane"
	config.Timeout = 5 * time.Second
	return kubernetes.NewForConfig(config)
}

// oneLine keeps the protocol one line per answer.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
