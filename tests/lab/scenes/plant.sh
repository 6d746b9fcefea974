# shellcheck shell=bash
# Modbus: SCADA polls the PLC and sets a register, as it should; a user writes
# to it, as nobody may; and a drive in the cell speaks TLS on Modbus's port.

plant_needs() {
    echo mbpoll python3:pymodbus python3:serial_asyncio nginx curl
}

plant_serve() {
    serve modbus plc /usr/bin/python3 "$LAB_SOURCE/modbus_server.py" \
        10.82.1.20 502
    wait_for "PLC" listening plc tcp 502
    web_server drive pay.lab.example 8080 502 'TLSv1.2'
}

plant_play() {
    works hmi mbpoll -m tcp -a 1 -t 4 -r 1 -c 8 -1 -q 10.82.1.20
    works hmi mbpoll -m tcp -a 1 -t 4 -r 9 -1 -q 10.82.1.20 42
    works alice mbpoll -m tcp -a 1 -t 4 -r 1 -1 -q 10.82.1.20 999
    browse hmi 10.82.1.30 pay.lab.example 502
}
