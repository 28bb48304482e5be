// Compares what linger says with what the service knows of itself. It reads the JSON answers of `linger trend`,
// `linger defers` and `linger check`, and the service's /truth, each from a file, prints one line per claim, and
// exits 1 when one does not hold.
//
// The interval that linger prints for pending defers is a 95 % one: an honest tool misses it once in twenty runs.
// An automatic check must not fail then, so this one takes the same interval at four standard deviations, where a
// miss (1 in 16,000) means a fault.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
)

const (
	sigmas   = 4.0
	sigmas95 = 1.96
)

type place struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

type truth struct {
	LeakedGoroutines  float64 `json:"leaked_goroutines"`
	LeakClass         string  `json:"leak_class"`
	LeakSite          place   `json:"leak_site"`
	PendingHeapDefers float64 `json:"pending_heap_defers"`
	DeferSite         place   `json:"defer_site"`
	PileHeld          bool    `json:"pile_held"`
	GCSinceHeld       int     `json:"gc_since_held"`
}

type trend struct {
	Targets []struct {
		Series []struct {
			Class string  `json:"class"`
			Site  place   `json:"site"`
			Last  float64 `json:"last"`
			Slope float64 `json:"slope_per_hour"`
		} `json:"series"`
	} `json:"targets"`
}

type defers struct {
	Targets []struct {
		Sites []struct {
			place
			Kind     string     `json:"kind"`
			Pending  float64    `json:"pending"`
			Interval [2]float64 `json:"interval"`
		} `json:"sites"`
	} `json:"targets"`
}

type check struct {
	Code   int `json:"code"`
	Alerts []struct {
		Name   string `json:"name"`
		State  string `json:"state"`
		Series string `json:"series"`
		Site   place  `json:"site"`
	} `json:"alerts"`
}

func main() {
	log.SetFlags(0)
	folder := flag.String("answers", ".", "folder with truth.json, trend.json, defers.json and check.json")
	exit := flag.Int("check-exit", -1, "exit code of `linger check`")
	flag.Parse()
	var (
		claims claims
		real   truth
		grown  trend
		piled  defers
		fired  check
	)
	read(*folder+"/truth.json", &real)
	read(*folder+"/trend.json", &grown)
	read(*folder+"/defers.json", &piled)
	read(*folder+"/check.json", &fired)

	claims.say(real.PileHeld && real.GCSinceHeld >= 2,
		"the pile was held still and %d collections have passed", real.GCSinceHeld)
	leak(&claims, real, grown)
	pile(&claims, real, piled)
	threshold(&claims, real, fired, *exit)
	fmt.Printf("%d of %d claims hold\n", claims.held, claims.held+claims.failed)
	if claims.failed > 0 {
		os.Exit(1)
	}
}

func leak(claims *claims, real truth, grown trend) {
	for _, target := range grown.Targets {
		for _, s := range target.Series {
			if s.Site == real.LeakSite && s.Class == real.LeakClass {
				claims.say(s.Slope > 0, "trend names the leak: %s in %s at %s:%d, %+.0f an hour",
					s.Class, s.Site.Function, s.Site.File, s.Site.Line, s.Slope)
				claims.say(s.Last > 0 && s.Last <= real.LeakedGoroutines+1,
					"trend counts %.0f goroutines there, the service %.0f a moment later", s.Last, real.LeakedGoroutines)
				return
			}
		}
	}
	claims.say(false, "trend names the leak: %s in %s at %s:%d",
		real.LeakClass, real.LeakSite.Function, real.LeakSite.File, real.LeakSite.Line)
}

func pile(claims *claims, real truth, piled defers) {
	for _, target := range piled.Targets {
		for _, s := range target.Sites {
			if s.place == real.DeferSite && s.Kind == "heap" {
				low := s.Pending - (s.Pending-s.Interval[0])*sigmas/sigmas95
				high := s.Pending + (s.Interval[1]-s.Pending)*sigmas/sigmas95
				claims.say(low <= real.PendingHeapDefers && real.PendingHeapDefers <= high,
					"defers at %s:%d: %.0f pending, 95 %% [%.0f, %.0f], at %g sigma [%.0f, %.0f], the service has %.0f",
					s.File, s.Line, s.Pending, s.Interval[0], s.Interval[1], sigmas, low, high, real.PendingHeapDefers)
				return
			}
		}
	}
	claims.say(false, "defers lists %s at %s:%d", real.DeferSite.Function, real.DeferSite.File, real.DeferSite.Line)
}

func threshold(claims *claims, real truth, fired check, exit int) {
	claims.say(exit == 2 && fired.Code == 2, "linger check exits 2 (it exited %d and says %d)", exit, fired.Code)
	for _, alert := range fired.Alerts {
		if alert.State == "firing" && alert.Series == "linger_defers_pending" && alert.Site == real.DeferSite {
			claims.say(true, "threshold %s fires at %s:%d", alert.Name, alert.Site.File, alert.Site.Line)
			return
		}
	}
	claims.say(false, "a threshold on linger_defers_pending fires at %s:%d", real.DeferSite.File, real.DeferSite.Line)
}

// claims counts what held.
type claims struct{ held, failed int }

func (c *claims) say(holds bool, format string, args ...any) {
	word := "ok    "
	if holds {
		c.held++
	} else {
		c.failed++
		word = "FAILED"
	}
	fmt.Printf("%s  %s\n", word, fmt.Sprintf(format, args...))
}

func read(path string, into any) {
	body, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		log.Fatalf("%s: %v", path, err)
	}
}
