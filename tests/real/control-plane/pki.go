package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// identity is a certificate with its key, both in PEM. For a client, the
// certificate is followed by the CA that signed it, as k3s writes it.
type identity struct {
	cert []byte
	key  []byte
}

// pki is everything that proves who somebody is.
type pki struct {
	serverCA, otherCA, clientCA     identity
	serving                         identity
	admin, viewer, nobody, bygone   identity
	serviceAccountKey, adminToken   string
	servingCertPath, servingKeyPath string
}

// issuer is a CA that can sign.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// loadOrCreatePKI reads the folder, and makes what is missing in it.
func loadOrCreatePKI(dir string) (*pki, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	made := time.Now()
	p := &pki{
		servingCertPath: filepath.Join(dir, "serving.crt"),
		servingKeyPath:  filepath.Join(dir, "serving.key"),
	}
	var err error
	authority := func(file, name string) (identity, *issuer) {
		if err != nil {
			return identity{}, nil
		}
		var i identity
		// k3s puts the time of the installation into the names of its CAs.
		i, err = loadOrCreate(filepath.Join(dir, file), func() (identity, error) {
			return newAuthority(fmt.Sprintf("%s@%d", name, made.Unix()), made)
		})
		if err != nil {
			return i, nil
		}
		var ca *issuer
		ca, err = parseIssuer(i)
		return i, ca
	}
	leaf := func(file string, ca *issuer, template x509.Certificate) identity {
		if err != nil {
			return identity{}
		}
		var i identity
		i, err = loadOrCreate(filepath.Join(dir, file), func() (identity, error) {
			return ca.sign(template)
		})
		return i
	}

	serverCA, clientCA := (*issuer)(nil), (*issuer)(nil)
	p.serverCA, serverCA = authority("server-ca", "k3s-server-ca")
	p.clientCA, clientCA = authority("client-ca", "k3s-client-ca")
	p.otherCA, _ = authority("other-ca", "somebody-elses-ca")
	p.serving = leaf("serving", serverCA, servingTemplate(made))
	p.admin = leaf("admin", clientCA, clientTemplate(made, "system:admin", "system:masters"))
	p.viewer = leaf("viewer", clientCA, clientTemplate(made, viewerName))
	p.nobody = leaf("nobody", clientCA, clientTemplate(made, "nobody"))
	leaf("kubelet-client", clientCA, clientTemplate(made, "system:kube-apiserver"))
	bygone := clientTemplate(made.Add(-30*day), "system:admin", "system:masters")
	bygone.NotAfter = made.Add(-day)
	p.bygone = leaf("expired", clientCA, bygone)
	if err != nil {
		return nil, err
	}
	if p.serviceAccountKey, err = loadOrCreateKey(filepath.Join(dir, "service-account.key")); err != nil {
		return nil, err
	}
	p.adminToken, err = loadOrCreateToken(filepath.Join(dir, "tokens.csv"))
	return p, err
}

// servingTemplate is the apiserver's own certificate.
func servingTemplate(made time.Time) x509.Certificate {
	return x509.Certificate{
		Subject:     pkix.Name{CommonName: "k3s", Organization: []string{"k3s"}},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 43, 0, 1)},
		NotBefore:   made.Add(-day),
		NotAfter:    made.Add(year),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// clientTemplate is a user: Kubernetes reads the name from CN, the groups from O.
func clientTemplate(made time.Time, user string, groups ...string) x509.Certificate {
	return x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		NotBefore:   made.Add(-day),
		NotAfter:    made.Add(year),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// newAuthority makes a CA that has signed itself.
func newAuthority(name string, made time.Time) (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	template := x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             made.Add(-60 * day), // older than the certificate that has expired
		NotAfter:              made.Add(10 * year),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	return encode(&template, &template, key, key)
}

// sign makes a certificate with a key of its own, and the CA behind it.
func (ca *issuer) sign(template x509.Certificate) (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	i, err := encode(&template, ca.cert, key, ca.key)
	i.cert = append(i.cert, ca.pem...)
	return i, err
}

// encode signs the template and writes certificate and key as PEM. The key is in
// the SEC1 form ("EC PRIVATE KEY") because that is what k3s hands out.
func encode(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (identity, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 62))
	if err != nil {
		return identity{}, err
	}
	template.SerialNumber = serial
	cert, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return identity{}, err
	}
	keyPEM, err := encodeKey(key)
	return identity{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		key:  keyPEM,
	}, err
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}

func parseIssuer(i identity) (*issuer, error) {
	certBlock, _ := pem.Decode(i.cert)
	keyBlock, _ := pem.Decode(i.key)
	if certBlock == nil || keyBlock == nil {
		return nil, errors.New("a CA below DIR/pki is not PEM; remove the folder")
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	return &issuer{cert: cert, key: key, pem: i.cert}, err
}

// loadOrCreate reads FILE.crt and FILE.key, or makes and writes them.
func loadOrCreate(file string, create func() (identity, error)) (identity, error) {
	cert, certErr := os.ReadFile(file + ".crt")
	key, keyErr := os.ReadFile(file + ".key")
	if certErr == nil && keyErr == nil {
		return identity{cert: cert, key: key}, nil
	}
	i, err := create()
	if err != nil {
		return i, err
	}
	return i, errors.Join(os.WriteFile(file+".crt", i.cert, 0o600), os.WriteFile(file+".key", i.key, 0o600))
}

// loadOrCreateKey returns the path of the key that signs service-account tokens.
func loadOrCreateKey(path string) (string, error) {
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return path, err
	}
	pem, err := encodeKey(key)
	if err != nil {
		return path, err
	}
	return path, os.WriteFile(path, pem, 0o600)
}

// loadOrCreateToken returns the one token of the apiserver's token file, whose
// columns are token, user, uid and groups.
func loadOrCreateToken(path string) (string, error) {
	if stored, err := os.ReadFile(path); err == nil {
		token, _, _ := strings.Cut(string(bytes.TrimSpace(stored)), ",")
		return token, nil
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	token := hex.EncodeToString(random)
	line := token + `,token-admin,token-admin,"system:masters"` + "\n"
	return token, os.WriteFile(path, []byte(line), 0o600)
}
