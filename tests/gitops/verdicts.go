package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// verdict is what is said of one object.
type verdict struct {
	Kstatus string `json:"kstatus"`
	// Why, in kstatus's words.
	Reason string `json:"reason"`
	Health string `json:"health"`
	// Why, in the script's words.
	Message string `json:"message"`
}

// verdicts judges a stream of objects.
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
	// By the API machinery's own decoder: it makes int64 of whole numbers, which both judges rely on.
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
