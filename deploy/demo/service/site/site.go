// Package site names places in the source in the words a Go profile uses.
package site

import "runtime"

// Site is one place.
type Site struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

// Below is the place some lines below the call of Below.
func Below(lines int) *Site {
	pc, file, line, ok := runtime.Caller(1)
	if !ok {
		return nil
	}
	return &Site{Function: runtime.FuncForPC(pc).Name(), File: file, Line: line + lines}
}
