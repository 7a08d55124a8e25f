// Command gitops-judge prints how GitOps tools evaluate objects. It uses the libraries of these tools.
//
//	gitops-judge verdicts SCRIPT < objects.jsonl > verdicts.jsonl
//	gitops-judge action ACTIONS NAME < objects.jsonl > changed.jsonl
//	gitops-judge flux < manifests.yaml
//	gitops-judge apply KUBECONFIG < manifests.yaml
//	gitops-judge schema FILE < document.json
//
// The first command reads one object a line and prints one verdict a line, in the same order: the kstatus, which Flux,
// kpt and helm --wait use, and the health that Argo CD computes with the script. The second command runs an action of Argo
// CD, from the value of its setting, and prints each object as it is afterwards, or null if the action is disabled. The
// third decodes Flux manifests strictly into Flux's own types. The fourth applies manifests as Flux does. The fifth
// checks a document by a JSON schema, as code scanning does with SARIF. Errors go to standard error, with exit status 1.
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
	case len(arguments) == 3 && arguments[0] == "action":
		setting, err := os.ReadFile(arguments[1])
		if err != nil {
			return err
		}
		return actions(setting, arguments[2], os.Stdin, os.Stdout)
	case len(arguments) == 1 && arguments[0] == "flux":
		return flux(os.Stdin)
	case len(arguments) == 2 && arguments[0] == "apply":
		return apply(arguments[1], os.Stdin, os.Stdout)
	case len(arguments) == 2 && arguments[0] == "schema":
		return schema(arguments[1], os.Stdin)
	default:
		return fmt.Errorf("usage: gitops-judge verdicts SCRIPT | gitops-judge action ACTIONS NAME | gitops-judge flux | gitops-judge apply KUBECONFIG | gitops-judge schema FILE")
	}
}
