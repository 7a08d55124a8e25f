package main

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/namespace/deletion"
)

const (
	// reapDelay is the time for requests that the API server admitted before the
	// deletion. A single API server admits none after it.
	reapDelay = 200 * time.Millisecond
	// reapRetryMin and reapRetryMax limit the delay between two checks for
	// finalizers.
	reapRetryMin = 100 * time.Millisecond
	reapRetryMax = time.Second
	reapers      = 4
)

// reaper empties and removes namespaces that are being deleted.
//
// It uses the deleter of Kubernetes' namespace controller with another schedule.
// The original waits 5 s before it begins, in case there are several API servers,
// and 8 s more for each finalizer.
type reaper struct {
	deleter deletion.NamespacedResourcesDeleterInterface
	queue   workqueue.TypedRateLimitingInterface[string]
	synced  cache.InformerSynced
}

// newReaper creates a reaper. Call it before the informer starts.
func newReaper(
	ctx context.Context, client kubernetes.Interface, metadataClient metadata.Interface, namespaces coreinformers.NamespaceInformer,
) *reaper {
	r := &reaper{
		deleter: deletion.NewNamespacedResourcesDeleter(
			ctx, client.CoreV1().Namespaces(), metadataClient, client.CoreV1(),
			client.Discovery().ServerPreferredNamespacedResources, corev1.FinalizerKubernetes,
		),
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](reapRetryMin, reapRetryMax),
		),
		synced: namespaces.Informer().HasSynced,
	}
	// AddEventHandler fails only for a stopped informer, and this one is new.
	_, _ = namespaces.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { r.enqueue(object) },
		UpdateFunc: func(_, object any) { r.enqueue(object) },
	})
	return r
}

func (r *reaper) enqueue(object any) {
	if namespace, ok := object.(*corev1.Namespace); ok && namespace.DeletionTimestamp != nil {
		r.queue.AddAfter(namespace.Name, reapDelay)
	}
}

// run processes the queue until ctx ends.
func (r *reaper) run(ctx context.Context) {
	for range reapers {
		go func() {
			for r.next(ctx) {
			}
		}()
	}
	<-ctx.Done()
	r.queue.ShutDown()
}

// next processes one namespace. It returns false when the queue is closed.
func (r *reaper) next(ctx context.Context) bool {
	name, closed := r.queue.Get()
	if closed {
		return false
	}
	defer r.queue.Done(name)
	err := r.deleter.Delete(ctx, name)
	if err == nil {
		r.queue.Forget(name)
		return true
	}
	var remaining *deletion.ResourcesRemainingError
	if !errors.As(err, &remaining) && ctx.Err() == nil {
		klog.ErrorS(err, "Deleting the content of a namespace", "namespace", name)
	}
	r.queue.AddRateLimited(name)
	return true
}
