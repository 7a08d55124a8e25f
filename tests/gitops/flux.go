package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	helm "github.com/fluxcd/helm-controller/api/v2"
	kustomize "github.com/fluxcd/kustomize-controller/api/v1"
	source "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

// blank creates an empty object of a kind. The key is the version and kind of a manifest.
var blank = map[string]func() any{
	source.GroupVersion.String() + "/" + source.GitRepositoryKind:       func() any { return new(source.GitRepository) },
	source.GroupVersion.String() + "/" + source.OCIRepositoryKind:       func() any { return new(source.OCIRepository) },
	source.GroupVersion.String() + "/" + source.HelmRepositoryKind:      func() any { return new(source.HelmRepository) },
	kustomize.GroupVersion.String() + "/" + kustomize.KustomizationKind: func() any { return new(kustomize.Kustomization) },
	helm.GroupVersion.String() + "/" + helm.HelmReleaseKind:             func() any { return new(helm.HelmRelease) },
}

// flux decodes a stream of manifests. A field that Flux does not know is an error.
func flux(in io.Reader) error {
	documents := yaml.NewYAMLReader(bufio.NewReader(in))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var kind struct{ APIVersion, Kind string }
		if err := strict.Unmarshal(document, &kind); err != nil {
			return err
		}
		name := kind.APIVersion + "/" + kind.Kind
		make, ok := blank[name]
		if !ok {
			return fmt.Errorf("Flux has no %s", name)
		}
		if err := strict.UnmarshalStrict(document, make()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}
