package main

import (
	"fmt"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

const adminKubeconfig = "k3s.yaml"

// writeKubeconfigs writes the kubeconfigs that main.go's comment lists. All are
// made by the same code that k3s uses, so even the order of the lines is k3s's.
func writeKubeconfigs(dir string, port int, p *pki) error {
	admin := clientOf(p.admin)
	for _, file := range []struct {
		name string
		ca   []byte
		user *api.AuthInfo
	}{
		{adminKubeconfig, p.serverCA.cert, admin},
		{"kubeconfig-viewer.yaml", p.serverCA.cert, clientOf(p.viewer)},
		{"kubeconfig-nobody.yaml", p.serverCA.cert, clientOf(p.nobody)},
		{"kubeconfig-badca.yaml", p.otherCA.cert, admin},
		{"kubeconfig-expired.yaml", p.serverCA.cert, clientOf(p.bygone)},
		{"kubeconfig-token.yaml", p.serverCA.cert, &api.AuthInfo{Token: p.adminToken}},
	} {
		config := api.NewConfig()
		config.Clusters["default"] = &api.Cluster{
			Server:                   fmt.Sprintf("https://127.0.0.1:%d", port),
			CertificateAuthorityData: file.ca,
		}
		config.AuthInfos["default"] = file.user
		config.Contexts["default"] = &api.Context{Cluster: "default", AuthInfo: "default"}
		config.CurrentContext = "default"
		if err := clientcmd.WriteToFile(*config, filepath.Join(dir, file.name)); err != nil {
			return err
		}
	}
	return nil
}

func clientOf(i identity) *api.AuthInfo {
	return &api.AuthInfo{ClientCertificateData: i.cert, ClientKeyData: i.key}
}
