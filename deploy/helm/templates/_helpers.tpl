{{- define "freddy.labels" -}}
app.kubernetes.io/name: freddy-auth
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "freddy.selector" -}}
app.kubernetes.io/name: freddy-auth
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "freddy.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "freddy.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "freddy.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "freddy.env" -}}
- name: SECRET_KEY
  valueFrom:
    secretKeyRef: { name: {{ .secret }}, key: SECRET_KEY }
- name: DATABASE_URL
  valueFrom:
    secretKeyRef: { name: {{ .secret }}, key: DATABASE_URL }
- name: SMTP_URL
  valueFrom:
    secretKeyRef: { name: {{ .secret }}, key: SMTP_URL }
{{- range $name, $value := .values.config }}
{{- if $value }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- if .values.metrics.enabled }}
- name: METRICS_PORT
  value: {{ printf "0.0.0.0:%v" .values.metrics.port | quote }}
- name: METRICS_TOKEN
  valueFrom:
    secretKeyRef: { name: {{ .secret }}, key: METRICS_TOKEN }
{{- end }}
{{- end }}

{{- define "freddy.container" -}}
image: {{ include "freddy.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "freddy.security" . | nindent 2 }}
env:
  {{- $secret := required "existingSecret: name a Secret with SECRET_KEY, DATABASE_URL and SMTP_URL" .Values.existingSecret }}
  {{- include "freddy.env" (dict "values" .Values "secret" $secret) | nindent 2 }}
volumeMounts:
  - { name: data, mountPath: /data }
  - { name: tmp, mountPath: /tmp }
{{- end }}

{{- define "freddy.volumes" -}}
- name: data
  emptyDir: {}
- name: tmp
  emptyDir: {}
{{- end }}
