# SPDX-License-Identifier: MIT
# Benchmarks: included by the Makefile.
#     make bench                        libcoro, with both switches where they are compared
#     make bench-peers                  beside what else there is, as far as it is installed
#     make bench-growth                 the cost of an operation against the number of tasks
#     make bench-sleepers               a million tasks asleep: memory, time, and the order they wake in
#     make bench-io                     servers over loopback, beside others
#     make bench-guard                  fails when instructions have become more; -update accepts them
# BENCHES="switch yield" chooses programs, ROWS='yield.*' rows, ROUNDS=11 the number of rounds.
.PHONY: bench bench-peers

# These run only by targets of their own.
apart := guard growth sleepers
benches := $(call programs,bench)
# The order of the table.
known_benches := switch yield create queue sync cancel callbacks timers memory threads
known_benches += $(filter-out $(known_benches) $(apart),$(notdir $(benches)))
BENCHES ?= $(known_benches)

# These compare the switches: they are built a second time, against the ucontext variant.
ifneq ($(SWITCH),ucontext)
ucontext_benches := $(patsubst %,build/ucontext/bench/%,switch yield)
endif

LIBS_threads := -lpthread

$(benches): build/bench/%: $(S)bench/%.c $(static) build/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(bench_cflags) $(call own,CFLAGS) $(depend) $(link_flags) \
		$(call own,LDFLAGS) -o $@ $< $(static) $(call own,LIBS) $(LIBS)

$(ucontext_benches): build/ucontext/bench/%: $(S)bench/%.c build/ucontext/libcoro.a build/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -D'CORO_SWITCH_HEADER="context/switch_ucontext.h"' $(bench_cflags) \
		$(call own,CFLAGS) $(depend) $(link_flags) $(call own,LDFLAGS) -o $@ $< \
		build/ucontext/libcoro.a $(call own,LIBS) $(LIBS)

# columns(NAME, FOLDER, PROGRAMS): the arguments that bench/run wants for them.
columns = $(foreach p,$(3),'$(1)=$(2)/$(p)')
run_bench = CC='$(CC)' CFLAGS='$(CFLAGS)' ROUNDS='$(ROUNDS)' ROWS='$(ROWS)' sh $(S)bench/run
check_benches = $(if $(filter-out $(known_benches),$(BENCHES)),$(error \
	no such benchmark: $(filter-out $(known_benches),$(BENCHES))))
both_switches = $(call columns,$(SWITCH),build/bench,$(1)) $(call columns,ucontext,build/ucontext/bench,\
	$(filter $(notdir $(ucontext_benches)),$(1)))

bench: $(addprefix build/bench/,$(BENCHES)) $(ucontext_benches)
	$(check_benches)
	@$(run_bench) -o build/bench $(call both_switches,$(BENCHES))

# --- Sleepers -------------------------------------------------------------------------------------
.PHONY: bench-sleepers
bench-sleepers: build/bench/sleepers
	@build/bench/sleepers

# --- Growth ---------------------------------------------------------------------------------------
.PHONY: bench-growth
bench-growth: build/bench/growth
	@$(run_bench) -l -o build/bench-growth $(foreach o,yield create+join sleep cancel,'$(o)=$< $(o)')

# --- Peers ----------------------------------------------------------------------------------------
# A peer is built where its header (or its compiler) is found; ./bootstrap --peers installs them.
ifneq ($(filter bench-peers bench-io,$(MAKECMDGOALS)),)
hash := \#
finds = $(shell printf '$(hash)include <$(2)>\n' | $(1) -E - >/dev/null 2>&1 && echo yes)
finds_c = $(call finds,$(CC) $(CPPFLAGS) -xc,$(1))
finds_cxx = $(if $(CXX),$(call finds,$(CXX) $(CPPFLAGS) -xc++,$(1)))
has = $(shell command -v $(1) 2>/dev/null)
# The newest Python that runs; PYTHON=... is another.
PYTHON ?= $(firstword $(foreach v,14 13 12 11,$(if $(shell python3.$(v) -c 'import asyncio' 2>&1 || echo no),,\
	python3.$(v))) $(call has,python3))
peers := $(if $(call finds_c,pth.h),pth) $(if $(call finds_c,st.h),st) $(if $(call finds_c,pcl.h),pcl) \
	$(if $(call finds_cxx,boost/context/fiber.hpp),boost_context) \
	$(if $(call finds_cxx,boost/fiber/all.hpp),boost_fiber) \
	$(if $(call finds_c,uv.h),uv) $(if $(call has,go),go_peer)
endif

LIBS_pth := -lpth
LIBS_st := -lst
LIBS_pcl := -lpcl
LIBS_boost_context := -lboost_context
LIBS_boost_fiber := -lboost_fiber -lboost_context
LIBS_uv := -luv
title_pth := Pth
title_st := State Threads
title_pcl := libpcl
title_boost_context := Boost.Context
title_boost_fiber := Boost.Fiber
title_uv := libuv
title_go_peer := Go

build/bench/peers/%: $(S)bench/peers/%.c $(S)bench/bench.h build/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(bench_cflags) -I$(S)bench $(link_flags) -o $@ $< $(call own,LIBS) $(LIBS)

build/bench/peers/%: $(S)bench/peers/%.cpp $(S)bench/bench.h build/flags
	@mkdir -p $(@D)
	$(call say,CXX)$(CXX) -std=c++17 $(warnings) -I$(S)bench $(ASSERT) $(TARGET_CFLAGS) $(CPPFLAGS) \
		$(CXXFLAGS) $(link_flags) -o $@ $< $(call own,LIBS)

build/bench/peers/go_peer: $(S)bench/peers/go/main.go
	@mkdir -p $(@D)
	$(call say,GO)GO111MODULE=off go build -o $@ $<

bench-peers: $(addprefix build/bench/,$(BENCHES)) $(addprefix build/bench/peers/,$(peers))
	$(check_benches)
	@$(run_bench) -c -o build/bench-peers $(call columns,libcoro,build/bench,$(BENCHES)) \
		$(foreach p,$(peers),'$(title_$(p))=build/bench/peers/$(p)') \
		$(if $(PYTHON),'asyncio=$(PYTHON) $(S)bench/peers/python.py')

# --- Servers over loopback ------------------------------------------------------------------------
# A column is the load of bench/io/load on one server or two. CONNECTIONS="64 1000" chooses rows too.
.PHONY: bench-io
io := build/bench/io
ifneq ($(filter bench-io,$(MAKECMDGOALS)),)
uring := $(filter io_uring,$(POLLERS))
io_peers := $(if $(call finds_c,uv.h),uv) $(if $(call has,go),go_servers)
endif
load = '$(1)=$(2) $(io)/load $(3)'
loads = $(call load,$(1),$(2),echo $(3)) $(if $(call has,wrk),$(if $(4),$(call load,$(1),$(2),http $(4))))

io_programs := $(patsubst %,$(io)/%,load coro epoll uv)
$(io_programs): $(io)/%: $(S)bench/io/%.c $(static) build/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(bench_cflags) -I$(S)bench $(depend) $(link_flags) -o $@ $< $(static) \
		$(call own,LIBS) $(LIBS)

$(io)/go_servers: $(S)bench/io/go/main.go
	@mkdir -p $(@D)
	$(call say,GO)GO111MODULE=off go build -o $@ $<

bench-io: $(patsubst %,$(io)/%,load coro epoll $(io_peers)) $(examples)
	@$(run_bench) -c -o build/bench-io \
		$(call loads,libcoro,,$(io)/coro,$(filter %/http,$(examples))) \
		$(if $(uring),$(call loads,with io_uring,env CORO_POLLER=io_uring,$(io)/coro,$(filter %/http,$(examples)))) \
		$(call loads,epoll by hand,,$(io)/epoll) \
		$(if $(filter uv,$(io_peers)),$(call loads,libuv,,$(io)/uv)) \
		$(if $(filter go_servers,$(io_peers)),$(call loads,Go,,$(io)/go_servers echo,$(io)/go_servers http)) \
		$(if $(PYTHON),$(call loads,asyncio,,$(PYTHON) $(S)bench/io/python.py)) \
		$(if $(call has,wrk),$(if $(call has,nginx),$(call load,nginx,,http sh $(S)bench/io/nginx $(io)/nginx)))

# --- Counts of instructions -----------------------------------------------------------------------
# Of an ordinary build alone: instrumented ones are not what users have.
.PHONY: bench-guard bench-guard-update
run_guard = CC='$(CC)' CFLAGS='$(strip $(CFLAGS) $(ASSERT) $(INSTRUMENT))' SWITCH='$(SWITCH)' \
	sh $(S)bench/run-guard build/bench/guard $(S)bench/guard.expected

bench-guard: build/bench/guard
	@$(run_guard)

bench-guard-update: build/bench/guard
	@$(run_guard) update
