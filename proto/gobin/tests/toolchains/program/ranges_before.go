//go:build !go1.23

package main

func ranges(names []string) {
	note(names[0])
}
