package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
)

const (
	// discoveryPeriod is the time until the garbage collector notices a new
	// custom resource. The default of kube-controller-manager is 30 s.
	discoveryPeriod = time.Second
	collectors      = 5
)

// controllers are the two controllers of kube-controller-manager that deletion
// needs: one deletes namespaces, the other deletes dependents.
type controllers struct {
	namespacesSynced cache.InformerSynced
	collector        *garbagecollector.GarbageCollector
}

// controllerConfig returns the administrator's access without client-side limits.
func controllerConfig(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.UserAgent = "controlplane"
	config.QPS = -1
	return config, nil
}

// startControllers starts both controllers, which run until ctx ends.
func startControllers(ctx context.Context, config *rest.Config, client kubernetes.Interface) (*controllers, error) {
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	typed := informers.NewSharedInformerFactory(client, 0)
	reaper := newReaper(ctx, client, metadataClient, typed.Core().V1().Namespaces())
	collector, err := startCollector(ctx, client, metadataClient, typed)
	if err != nil {
		return nil, err
	}
	go reaper.run(ctx)
	return &controllers{namespacesSynced: reaper.synced, collector: collector}, nil
}

// startCollector starts the garbage collector and the informers of typed.
func startCollector(
	ctx context.Context, client kubernetes.Interface, metadataClient metadata.Interface, typed informers.SharedInformerFactory,
) (*garbagecollector.GarbageCollector, error) {
	untyped := metadatainformer.NewSharedInformerFactory(metadataClient, 0)
	// The mapper has its own discovery client, because every sync resets it.
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	started := make(chan struct{})
	collector, err := garbagecollector.NewGarbageCollector(
		ctx, client, metadataClient, mapper, garbagecollector.DefaultIgnoredResources(),
		informerfactory.NewInformerFactory(typed, untyped), started,
	)
	if err != nil {
		return nil, err
	}
	typed.Start(ctx.Done())
	untyped.Start(ctx.Done())
	close(started)
	go collector.Run(ctx, collectors, discoveryPeriod)
	go collector.Sync(ctx, client.Discovery(), discoveryPeriod)
	return collector, nil
}

// awaitSynced returns when the caches of both controllers are synced.
func (c *controllers) awaitSynced(ctx context.Context) error {
	synced := func() bool {
		return c.namespacesSynced() && c.collector.IsSynced(klog.FromContext(ctx))
	}
	if cache.WaitForCacheSync(ctx.Done(), synced) {
		return nil
	}
	return fmt.Errorf("controllers have not synced: %w", context.Cause(ctx))
}
