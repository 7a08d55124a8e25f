package main

import (
	"bufio"
	"context"
	"io"
	"strings"

	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	"github.com/fluxcd/pkg/ssa/utils"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// manager is the field manager of Flux's kustomize-controller.
const manager = "kustomize-controller"

// apply applies a stream of manifests as Flux's kustomize-controller does, and prints what it did with each object.
func apply(kubeconfig string, in io.Reader, out io.Writer) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	cluster, err := client.New(config, client.Options{})
	if err != nil {
		return err
	}
	objects, err := utils.ReadObjects(bufio.NewReader(in))
	if err != nil {
		return err
	}
	if err := normalize.UnstructuredList(objects); err != nil {
		return err
	}
	owner := ssa.Owner{Field: manager, Group: "kustomize.toolkit.fluxcd.io"}
	changes, err := ssa.NewResourceManager(cluster, nil, owner).ApplyAll(context.Background(), objects, options())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, strings.NewReader(changes.String()+"\n"))
	return err
}

// options returns the options of kustomize-controller: it takes the fields of kubectl away, so that what kubectl wrote
// and Git does not contain is removed.
func options() ssa.ApplyOptions {
	options := ssa.DefaultApplyOptions()
	taken := func(name string, operation meta.ManagedFieldsOperationType) ssa.FieldManager {
		return ssa.FieldManager{Name: name, OperationType: operation}
	}
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{core.LastAppliedConfigAnnotation},
		FieldManagers: []ssa.FieldManager{
			taken("kubectl", meta.ManagedFieldsOperationApply),
			taken("kubectl", meta.ManagedFieldsOperationUpdate),
			taken("before-first-apply", meta.ManagedFieldsOperationUpdate),
			taken(manager, meta.ManagedFieldsOperationUpdate),
		},
	}
	return options
}
