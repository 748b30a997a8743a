// SPDX-License-Identifier: MIT

// Go with one processor (GOMAXPROCS=1): goroutines and channels. A semaphore is a channel with a
// buffer, as its documentation says, an event a channel of capacity 1, and a cancel that of a
// context. Prints what bench/bench.h describes.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	yields       = 2000000
	oneByOne     = 500000
	roundsHot    = 30
	bursts       = 100
	pause        = 2 * time.Millisecond
	trips        = 500000
	uncontended  = 10000000
	contended    = 500000
	cancelRounds = 10
	timers       = 1000000
	capacity     = 64
)

type row struct {
	name      string
	run       func(r *row)
	count     int
	takesLong bool
}

func (r *row) printAs(suffix string, value float64, unit string) {
	fmt.Printf("%s%s\t%.3f\t%s\n", r.name, suffix, value, unit)
}

func (r *row) print(began time.Time, operations int) {
	r.printAs("", float64(time.Since(began).Nanoseconds())/float64(operations), "ns")
}

//go:noinline
func touchStack() byte {
	var locals [256]byte
	for i := 0; i < len(locals); i += 64 {
		locals[i] = byte(trips & i)
	}
	return locals[128]
}

// A figure of this process in KiB.
func kib(name string) float64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		fields := strings.Fields(scanner.Text())
		if len(fields) > 1 && fields[0] == name {
			value, _ := strconv.ParseFloat(fields[1], 64)
			return value
		}
	}
	return 0
}

func usage() (cpu time.Duration, peakMiB float64) {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), float64(u.Maxrss) / 1024
}

func sleepTime(i int) time.Duration {
	return time.Duration(i*7919%1000+1) * time.Millisecond
}

func shuffled(count int) []int {
	order := make([]int, count)
	state := uint64(88172645463325252)
	for i := range order {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		j := int(state % uint64(i+1))
		order[i] = order[j]
		order[j] = i
	}
	return order
}

// --- yield ---------------------------------------------------------------------------------------

var (
	stopped                 bool
	started, ended, inTotal int
)

// The rounds of Go's scheduler are not strict: what counts is how many yields there were in all.
func yieldUntilStopped() {
	touchStack()
	for started++; !stopped; inTotal++ {
		runtime.Gosched()
	}
	ended++
}

func measureYields(r *row) {
	for started < r.count-1 {
		runtime.Gosched()
	}
	runtime.Gosched()
	wanted := yields
	if wanted < 2*r.count {
		wanted = 2 * r.count
	}
	inTotal = 0
	began := time.Now()
	for inTotal < wanted {
		runtime.Gosched()
		inTotal++
	}
	r.print(began, inTotal)
	stopped = true
	for ended < r.count-1 {
		runtime.Gosched()
	}
}

func yieldInOrder(r *row) {
	for i := 1; i < r.count; i++ {
		go yieldUntilStopped()
	}
	measureYields(r)
}

func yieldShuffled(r *row) {
	gates := make([]chan struct{}, r.count-1)
	for i := range gates {
		gates[i] = make(chan struct{})
		go func(gate chan struct{}) {
			touchStack()
			<-gate
			yieldUntilStopped()
		}(gates[i])
	}
	runtime.Gosched()
	for _, i := range shuffled(len(gates)) {
		close(gates[i])
	}
	measureYields(r)
}

// --- create --------------------------------------------------------------------------------------

func createOneAtATime(r *row) {
	var began time.Time
	done := make(chan struct{})
	for i := 0; i < oneByOne+1000; i++ {
		if i == 1000 {
			began = time.Now()
		}
		go func() {
			touchStack()
			done <- struct{}{}
		}()
		<-done
	}
	r.print(began, oneByOne)
}

func createAndJoin(count int) {
	var group sync.WaitGroup
	group.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			touchStack()
			runtime.Gosched()
			group.Done()
		}()
	}
	group.Wait()
}

func createCold(r *row) {
	began := time.Now()
	createAndJoin(r.count)
	r.print(began, r.count)
}

func createHot(r *row) {
	for i := 0; i < 3; i++ {
		createAndJoin(r.count)
	}
	began := time.Now()
	for i := 0; i < roundsHot; i++ {
		createAndJoin(r.count)
	}
	r.print(began, r.count*roundsHot)
}

func createInBursts(r *row) {
	createAndJoin(r.count)
	before, _ := usage()
	for i := 0; i < bursts; i++ {
		time.Sleep(pause)
		createAndJoin(r.count)
	}
	after, _ := usage()
	r.printAs("", float64((after-before).Nanoseconds())/float64(r.count*bursts), "ns")
}

// --- queue ---------------------------------------------------------------------------------------

func pingPong(r *row) {
	there, back := make(chan *row, r.count), make(chan *row, r.count)
	go func() {
		touchStack()
		for i := 0; i < trips; i++ {
			back <- <-there
		}
	}()
	runtime.Gosched()
	began := time.Now()
	for i := 0; i < trips; i++ {
		there <- r
		<-back
	}
	r.print(began, 2*trips)
}

func stream(r *row) {
	items := make(chan *row, r.count)
	go func() {
		touchStack()
		for i := 0; i < 4*trips; i++ {
			items <- r
		}
	}()
	runtime.Gosched()
	began := time.Now()
	for i := 0; i < 4*trips; i++ {
		<-items
	}
	r.print(began, 4*trips)
}

// --- sync ----------------------------------------------------------------------------------------

func lockUncontended(r *row) {
	var lock sync.Mutex
	began := time.Now()
	for i := 0; i < uncontended; i++ {
		lock.Lock()
		lock.Unlock()
	}
	r.print(began, uncontended)
}

// Two goroutines that each do half of it.
func two(r *row, acquire, release func()) {
	var group sync.WaitGroup
	group.Add(2)
	began := time.Now()
	for k := 0; k < 2; k++ {
		go func() {
			touchStack()
			for i := 0; i < contended/2; i++ {
				acquire()
				runtime.Gosched()
				release()
			}
			group.Done()
		}()
	}
	group.Wait()
	r.print(began, contended)
}

func lockContended(r *row) {
	var lock sync.Mutex
	two(r, lock.Lock, lock.Unlock)
}

func semaphoreUncontended(r *row) {
	permits := make(chan struct{}, 1)
	began := time.Now()
	for i := 0; i < uncontended; i++ {
		permits <- struct{}{}
		<-permits
	}
	r.print(began, uncontended)
}

func semaphoreContended(r *row) {
	permits := make(chan struct{}, 1)
	two(r, func() { permits <- struct{}{} }, func() { <-permits })
}

func eventSet(r *row) {
	event := make(chan struct{})
	close(event)
	began := time.Now()
	for i := 0; i < uncontended; i++ {
		<-event
	}
	r.print(began, uncontended)
}

func eventWake(r *row) {
	ours, theirs := make(chan struct{}, 1), make(chan struct{}, 1)
	go func() {
		touchStack()
		for i := 0; i < contended/2; i++ {
			<-theirs
			ours <- struct{}{}
		}
	}()
	runtime.Gosched()
	began := time.Now()
	for i := 0; i < contended/2; i++ {
		theirs <- struct{}{}
		<-ours
	}
	r.print(began, contended)
}

// --- cancel --------------------------------------------------------------------------------------

func cancelSleeping(r *row) {
	var taken time.Duration
	cancels := make([]context.CancelFunc, r.count)
	for round := 0; round <= cancelRounds; round++ {
		var group sync.WaitGroup
		group.Add(r.count)
		for i := range cancels {
			ctx, cancel := context.WithCancel(context.Background())
			cancels[i] = cancel
			go func(i int) {
				touchStack()
				timer := time.NewTimer(time.Hour + time.Duration(i*7919%r.count))
				select {
				case <-ctx.Done():
				case <-timer.C:
				}
				timer.Stop()
				group.Done()
			}(i)
		}
		runtime.Gosched()
		began := time.Now()
		for _, cancel := range cancels {
			cancel()
		}
		group.Wait()
		if round > 0 {
			taken += time.Since(began)
		}
	}
	r.printAs("", float64(taken.Nanoseconds())/float64(cancelRounds*r.count), "ns")
}

// --- timers and memory ---------------------------------------------------------------------------

func (r *row) printSleepers(cpuBefore time.Duration, began time.Time) {
	cpu, peak := usage()
	r.printAs(": CPU", float64((cpu-cpuBefore).Nanoseconds())/1e6, "ms")
	r.printAs(": time", float64(time.Since(began).Nanoseconds())/1e6, "ms")
	r.printAs(": peak memory", peak, "MiB")
}

func sleepers(r *row) {
	cpuBefore, _ := usage()
	began := time.Now()
	var group sync.WaitGroup
	group.Add(r.count)
	for i := 0; i < r.count; i++ {
		go func(i int) {
			touchStack()
			time.Sleep(sleepTime(i))
			group.Done()
		}(i)
	}
	group.Wait()
	r.printSleepers(cpuBefore, began)
}

// Each in a goroutine of its own while it calls, as time.AfterFunc has it.
func afterFuncs(r *row) {
	cpuBefore, _ := usage()
	began := time.Now()
	var group sync.WaitGroup
	group.Add(r.count)
	done := group.Done
	for i := 0; i < r.count; i++ {
		time.AfterFunc(sleepTime(i), done)
	}
	group.Wait()
	r.printSleepers(cpuBefore, began)
}

func insertAndCancel(r *row) {
	pending := make([]*time.Timer, r.count)
	nothing := func() {}
	for i := range pending {
		pending[i] = time.AfterFunc(time.Hour+sleepTime(i), nothing)
	}
	began := time.Now()
	for i := 0; i < timers; i++ {
		time.AfterFunc(time.Hour+sleepTime(i*31), nothing).Stop()
	}
	r.print(began, timers)
	for _, timer := range pending {
		timer.Stop()
	}
}

func timeouts(r *row) {
	began := time.Now()
	for i := 0; i < timers; i++ {
		_, cancel := context.WithTimeout(context.Background(), time.Hour)
		cancel()
	}
	r.print(began, timers)
}

func memory(r *row) {
	gate := make(chan struct{})
	rss, tables := kib("VmRSS:"), kib("VmPTE:")
	parked := 0
	for i := 0; i < r.count; i++ {
		go func() {
			touchStack()
			parked++
			<-gate
		}()
	}
	for parked < r.count {
		runtime.Gosched()
	}
	each := (kib("VmRSS:") - rss) / float64(r.count)
	r.printAs(": resident", each, "KiB")
	r.printAs(": with page tables", each+(kib("VmPTE:")-tables)/float64(r.count), "KiB")
	close(gate)
}

var rows = []row{
	{"yield, 2 tasks", yieldInOrder, 2, false},
	{"yield, 1,000 tasks", yieldInOrder, 1000, false},
	{"yield, 100,000 tasks", yieldInOrder, 100000, false},
	{"yield, 100,000 tasks, shuffled", yieldShuffled, 100000, false},
	{"yield, 1,000,000 tasks", yieldInOrder, 1000000, true},
	{"create and join, one at a time", createOneAtATime, 0, false},
	{"create 10,000, join all, cold", createCold, 10000, false},
	{"create 10,000, join all, hot", createHot, 10000, false},
	{"create 1,000, join all, in bursts", createInBursts, 1000, false},
	{"queue ping-pong, unbuffered", pingPong, 0, false},
	{"queue ping-pong, buffered", pingPong, capacity, false},
	{"queue stream, buffered", stream, capacity, false},
	{"lock, uncontended", lockUncontended, 0, false},
	{"lock, contended", lockContended, 0, false},
	{"semaphore, uncontended", semaphoreUncontended, 0, false},
	{"semaphore, contended", semaphoreContended, 0, false},
	{"event, set", eventSet, 0, false},
	{"event, wake", eventWake, 0, false},
	{"cancel a sleeping task", cancelSleeping, 10000, false},
	{"100,000 sleepers", sleepers, 100000, false},
	{"1,000,000 sleepers", sleepers, 1000000, true},
	{"100,000 timers", afterFuncs, 100000, false},
	{"1,000,000 timers", afterFuncs, 1000000, true},
	{"timer, insert and cancel", insertAndCancel, 100000, false},
	{"timeout that does not fire", timeouts, 0, false},
	{"memory, 10,000 parked tasks", memory, 10000, false},
	{"memory, 100,000 parked tasks", memory, 100000, false},
	{"memory, 1,000,000 parked tasks", memory, 1000000, true},
}

func main() {
	runtime.GOMAXPROCS(1)
	arguments := map[string]bool{}
	for _, argument := range os.Args[1:] {
		arguments[argument] = true
	}
	if arguments["-v"] {
		fmt.Println(runtime.Version() + ", GOMAXPROCS=1")
		return
	}
	for i := range rows {
		r := &rows[i]
		switch {
		case arguments["-l"] && r.takesLong:
			fmt.Println(r.name + "\tlong")
		case arguments["-l"]:
			fmt.Println(r.name)
		case len(arguments) == 0 || arguments[r.name]:
			r.run(r)
		}
	}
}
