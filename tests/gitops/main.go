// Command gitops-judge says what GitOps tools make of objects, by their own libraries.
//
//	gitops-judge verdicts SCRIPT < objects.jsonl > verdicts.jsonl
//	gitops-judge flux < manifests.yaml
//
// The first takes one object a line and answers one verdict a line, in the same order: kstatus, by which Flux, kpt and
// helm --wait go, and the health that Argo CD computes with the script. The second decodes Flux manifests strictly into
// Flux's own types. What is wrong is said on standard error, with status 1.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gitops-judge:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "verdicts":
		script, err := os.ReadFile(arguments[1])
		if err != nil {
			return err
		}
		return verdicts(string(script), os.Stdin, os.Stdout)
	case len(arguments) == 1 && arguments[0] == "flux":
		return flux(os.Stdin)
	default:
		return fmt.Errorf("usage: gitops-judge verdicts SCRIPT | gitops-judge flux")
	}
}
