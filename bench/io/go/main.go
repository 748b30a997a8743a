// SPDX-License-Identifier: MIT

// Go's net and net/http, with one processor (GOMAXPROCS=1): go_servers echo|http PORT.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
)

// As long as the page of examples/http.c.
const size = 65

func echo(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			continue
		}
		go func() {
			defer client.Close()
			buffer := make([]byte, 4096)
			for {
				n, err := client.Read(buffer)
				if err != nil {
					return
				}
				if _, err = client.Write(buffer[:n]); err != nil {
					return
				}
			}
		}()
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	if len(os.Args) < 3 || os.Args[2] == "-v" {
		fmt.Println(runtime.Version() + ", GOMAXPROCS=1")
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[2])
	if err != nil {
		panic(err)
	}
	if os.Args[1] == "echo" {
		echo(listener)
	}
	page := make([]byte, size)
	for i := range page {
		page[i] = 'x'
	}
	http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write(page)
	}))
}
