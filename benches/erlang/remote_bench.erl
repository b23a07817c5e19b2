%% What `remote` measures of casty, for Erlang: a gen_server on another node of this machine.
-module(remote_bench).
-behaviour(gen_server).
-export([server/0, client/5, init/1, handle_call/3, handle_cast/2]).

server() ->
    {ok, _} = gen_server:start_link({local, bench}, ?MODULE, [], []),
    io:format("ready~n"),
    wait().

wait() ->
    case io:get_line("") of
        eof -> ok;
        {error, _} -> ok;
        _ -> wait()
    end.

%% Prints p50 and p99 of a call in ns, calls a second with so many callers, and casts a second.
client(Node, Single, Many, Callers, Casts) ->
    pong = net_adm:ping(Node),
    To = {bench, Node},
    _ = latencies(To, Single div 10),
    Latencies = lists:sort(latencies(To, Single)),
    _ = calls(To, Many div 10, Callers),
    Calls = calls(To, Many, Callers),
    _ = casts(To, Casts div 10),
    Rate = casts(To, Casts),
    io:format("~p ~p ~p ~p~n",
              [lists:nth(Single div 2, Latencies), lists:nth(Single * 99 div 100, Latencies), Calls, Rate]).

latencies(To, Count) ->
    Text = binary:copy(<<"x">>, 64),
    [begin
         Began = erlang:monotonic_time(nanosecond),
         Text = gen_server:call(To, {echo, Text}, 30000),
         erlang:monotonic_time(nanosecond) - Began
     end || _ <- lists:seq(1, Count)].

calls(To, Count, Callers) ->
    Text = binary:copy(<<"x">>, 64),
    Each = Count div Callers,
    Began = erlang:monotonic_time(nanosecond),
    Started = [spawn_monitor(fun() -> call(To, Text, Each) end) || _ <- lists:seq(1, Callers)],
    [receive {'DOWN', Monitor, process, Pid, normal} -> ok end || {Pid, Monitor} <- Started],
    Each * Callers * 1.0e9 / (erlang:monotonic_time(nanosecond) - Began).

call(_, _, 0) -> ok;
call(To, Text, Left) ->
    Text = gen_server:call(To, {echo, Text}, 30000),
    call(To, Text, Left - 1).

casts(To, Count) ->
    Text = binary:copy(<<"x">>, 100),
    Began = erlang:monotonic_time(nanosecond),
    cast(To, Text, Count),
    Count = gen_server:call(To, count, 60000),
    Count * 1.0e9 / (erlang:monotonic_time(nanosecond) - Began).

cast(_, _, 0) -> ok;
cast(To, Text, Left) ->
    gen_server:cast(To, {note, Text}),
    cast(To, Text, Left - 1).

init([]) -> {ok, 0}.

handle_call({echo, Text}, _, Count) -> {reply, Text, Count};
handle_call(count, _, Count) -> {reply, Count, 0}.

handle_cast({note, _}, Count) -> {noreply, Count + 1}.
