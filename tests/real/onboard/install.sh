#!/bin/sh
# Stands in for k3s's installer: a unit and an uninstaller, without download and start.
set -e
share=/usr/local/share/board
role=$1
[ "$INSTALL_K3S_SKIP_DOWNLOAD$INSTALL_K3S_SKIP_START" = truetrue ] || { echo '[ERROR]  this one does not download' >&2; exit 1; }
unit=k3s
[ "$role" = agent ] && unit=k3s-agent
echo "install $role" >>"$share/log"
env >"$share/installer-env"
echo '[INFO]  Skipping k3s download and verify'
echo "[INFO]  systemd: Creating service file /etc/systemd/system/$unit.service"
printf '[Service]\nType=notify\nExecStart=/usr/local/bin/k3s %s\n' "$role" >"/etc/systemd/system/$unit.service"
printf '#!/bin/sh\nset -x\nsystemctl disable --now %s.service\nrm -f /etc/systemd/system/%s.service /usr/local/bin/k3s\nrm -rf /etc/rancher/k3s /var/lib/rancher/k3s\necho uninstall >>%s/log\n' \
  "$unit" "$unit" "$share" >"/usr/local/bin/$unit-uninstall.sh"
chmod +x "/usr/local/bin/$unit-uninstall.sh"
systemctl enable "$unit.service"
