package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// verdict has the results for one object.
type verdict struct {
	Kstatus string `json:"kstatus"`
	// Reason is kstatus's message.
	Reason string `json:"reason"`
	Health string `json:"health"`
	// Message is the script's message.
	Message string `json:"message"`
}

// verdicts prints the verdicts of a stream of objects.
func verdicts(script string, in io.Reader, out io.Writer) error {
	answers := json.NewEncoder(out)
	lines := json.NewDecoder(in)
	for {
		var line json.RawMessage
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		said, err := judge(script, line)
		if err != nil {
			return fmt.Errorf("%w, of %s", err, line)
		}
		if err := answers.Encode(said); err != nil {
			return err
		}
	}
}

func judge(script string, line []byte) (verdict, error) {
	// The API machinery's decoder converts whole numbers to int64, on which kstatus and the script rely.
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(line); err != nil {
		return verdict{}, err
	}
	result, err := status.Compute(&object)
	if err != nil {
		return verdict{}, err
	}
	said, err := argo(script, &object)
	if err != nil {
		return verdict{}, err
	}
	return verdict{result.Status.String(), result.Message, said.Status, said.Message}, nil
}
